//! Payloads at their limits: size, depth, error texts, paths through maps.

use std::collections::BTreeMap;

use fluvius_core::{
    AggregateId, Domain, DomainContext, DomainRuntime, Error, MemoryStore, Response,
    SimpleRejection, aggregate,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use fluvius_tests::fixture::id;

/// Name of a shelf, as a key of a map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shelf {
    UpperLeft,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Piece {
    pub weight: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crate {
    pub any: Value,
}

#[aggregate(resource = "crate")]
impl Crate {
    #[action(evt_key = "crate-packed")]
    pub fn pack_crate(any: Value) -> Result<Self, SimpleRejection> {
        Ok(Self { any })
    }

    #[action(evt_key = "crate-repacked")]
    pub fn repack_crate(&mut self, any: Value) -> Result<Value, SimpleRejection> {
        self.any = any.clone();
        Ok(any)
    }

    #[action(evt_key = "crate-tagged", body_limit = 20)]
    pub fn tag_crate(&mut self, any: Value) -> Result<(), SimpleRejection> {
        self.any = any;
        Ok(())
    }

    #[action(evt_key = "crate-filled", body_limit = 60)]
    pub fn fill_crate(&mut self, any: Value) -> Result<(), SimpleRejection> {
        self.any = any;
        Ok(())
    }

    #[action(evt_key = "crate-wrapped")]
    pub fn wrap_crate(&mut self) -> Result<(), SimpleRejection> {
        self.any = Value::Array(vec![self.any.take()]);
        Ok(())
    }

    #[action(evt_key = "crate-sealed", if_match = "required")]
    pub fn seal_crate(&mut self) -> Result<(), SimpleRejection> {
        Ok(())
    }

    #[action(evt_key = "pieces-put")]
    pub fn put_pieces(
        &mut self,
        #[arg(default)] by_number: BTreeMap<u32, Piece>,
        #[arg(default)] by_id: BTreeMap<Uuid, Vec<Piece>>,
        #[arg(default)] by_shelf: BTreeMap<Shelf, Piece>,
        #[arg(default)] by_flag: BTreeMap<bool, Piece>,
        #[arg(default)] by_name: BTreeMap<String, BTreeMap<u32, Piece>>,
    ) -> Result<(), SimpleRejection> {
        drop((by_number, by_id, by_shelf, by_flag, by_name));
        Ok(())
    }
}

#[derive(Domain)]
#[domain(aggregates(Crate))]
struct CrateDomain;

async fn send(domain: &DomainRuntime, key: &str, payload: &str) -> Result<Response, Error> {
    let aggregate_id = AggregateId::new("crate", id(1));
    let session = domain.session(DomainContext::create("test")).aggregate(aggregate_id);
    session.process_command(session.create_command(key, payload)?).await
}

async fn packed() -> DomainRuntime {
    let domain = CrateDomain::runtime(MemoryStore::new()).await.unwrap();
    send(&domain, "pack-crate", r#"{"any":null}"#).await.unwrap();
    domain
}

#[tokio::test]
async fn a_path_contains_keys_of_maps() {
    let domain = packed().await;
    for (payload, path) in [
        (r#"{"by_number":{"7":{"weight":1},"8":{"weight":"x"}}}"#, "by_number.8.weight"),
        (r#"{"by_number":{"7":{"weight":1},"eight":{"weight":1}}}"#, "by_number.eight"),
        (r#"{"by_number":{"7":{"weight":1},"-8":{"weight":1}}}"#, "by_number.-8"),
        (
            r#"{"by_id":{"00000000-0000-0000-0000-000000000001":[{"weight":1},{"weight":-1}]}}"#,
            "by_id.00000000-0000-0000-0000-000000000001[1].weight",
        ),
        (r#"{"by_id":{"no-uuid":[]}}"#, "by_id.no-uuid"),
        (r#"{"by_shelf":{"upper-left":{"weight":"x"}}}"#, "by_shelf.upper-left.weight"),
        (r#"{"by_shelf":{"lower-left":{"weight":1}}}"#, "by_shelf.lower-left"),
        (r#"{"by_flag":{"true":{"weight":"x"}}}"#, "by_flag.true.weight"),
        (r#"{"by_flag":{"maybe":{"weight":1}}}"#, "by_flag.maybe"),
        (r#"{"by_name":{"a b":{"7":{"weight":1,"more":1}}}}"#, "by_name.a b.7.more"),
    ] {
        match send(&domain, "put-pieces", payload).await {
            Err(Error::InvalidPayload { path: found, .. }) => assert_eq!(found, path, "{payload}"),
            other => panic!("{payload}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_payload_of_120_levels_is_preserved() {
    let domain = packed().await;
    let any = |levels: usize| format!("{}{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    send(&domain, "repack-crate", &format!(r#"{{"any":{}}}"#, any(120))).await.unwrap();
    let stored = domain.statemgr().fetch_at::<Crate>(id(1), 2).await.unwrap();
    assert_eq!(stored.any.to_string(), any(120));
    for row in domain.log().events().await.unwrap().rows {
        CrateEvent::try_from(&row.record).unwrap();
    }
    for row in domain.log().commands().await.unwrap().rows {
        CrateCommand::try_from(&row.record).unwrap();
    }
    // One level more in the state.
    let wrapped = send(&domain, "wrap-crate", "{}").await.unwrap_err();
    assert_eq!(wrapped.code(), "invalid-state");
    // One level more in a payload, and more than a JSON text may have.
    for levels in [121, 127, 128, 10_000] {
        let payload = format!(r#"{{"any":{}}}"#, any(levels));
        let error = send(&domain, "repack-crate", &payload).await.unwrap_err();
        assert_eq!(error.code(), "invalid-payload", "{levels}");
        let text = error.to_string();
        assert!(text.contains("nested too deep") && text.len() < 1_000, "{text}");
    }
}

#[tokio::test]
async fn a_payload_over_the_limit_is_too_large() {
    let domain = packed().await;
    // `{"any":""}` has ten bytes.
    let payload = |bytes: usize| format!(r#"{{"any":"{}"}}"#, "x".repeat(bytes - 10));
    send(&domain, "repack-crate", &payload(1 << 20)).await.unwrap();
    let error = send(&domain, "repack-crate", &payload((1 << 20) + 1)).await.unwrap_err();
    let text = "the payload of `repack-crate` has 1048577 bytes, and the limit is 1048576: send \
        less, or raise `max_payload_bytes` of the domain or `body_limit` of the action";
    assert_eq!((error.code(), error.to_string().as_str()), ("too-large", text));

    let domain =
        CrateDomain::builder(MemoryStore::new()).max_payload_bytes(20).build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let pack = |bytes: usize| PackCrate { any: Value::from("x".repeat(bytes - 10)) };
    let error = session.send(id(1), pack(21)).await.unwrap_err();
    assert_eq!(error.code(), "too-large");
    session.send(id(1), pack(20)).await.unwrap();
    let error = send(&domain, "repack-crate", &payload(21)).await.unwrap_err();
    assert_eq!(error.code(), "too-large");
}

#[tokio::test]
async fn a_body_limit_replaces_the_domains_limit() {
    let builder = CrateDomain::builder(MemoryStore::new()).max_payload_bytes(40);
    let domain = builder.build().await.unwrap();
    send(&domain, "pack-crate", r#"{"any":null}"#).await.unwrap();
    let payload = |bytes: usize| format!(r#"{{"any":"{}"}}"#, "x".repeat(bytes - 10));
    for (key, limit) in [("repack-crate", 40), ("tag-crate", 20), ("fill-crate", 60)] {
        send(&domain, key, &payload(limit)).await.unwrap();
        match send(&domain, key, &payload(limit + 1)).await.unwrap_err() {
            Error::PayloadTooLarge { bytes, max_bytes, .. } => {
                assert_eq!((bytes, max_bytes), (limit + 1, limit), "{key}");
            }
            other => panic!("{other:?}"),
        }
    }
    // The limit applies to typed commands as well.
    let session = domain.session(DomainContext::create("test"));
    let any = Value::from("x".repeat(30));
    let error = session.send(id(1), TagCrate { any: any.clone() }).await.unwrap_err();
    assert_eq!(error.code(), "too-large");
    session.send(id(1), FillCrate { any }).await.unwrap();
}

/// An error shows only a part of a hostile value, key or name.
#[tokio::test]
async fn error_texts_are_bounded() {
    let domain = packed().await;
    let long = "ä".repeat(200_000);
    let session = domain.session(DomainContext::create("test"));
    let mut errors = vec![
        send(&domain, &long, "{}").await.unwrap_err(),
        send(&domain, &long, "{").await.unwrap_err(),
        session.create_command(&long, "{}").unwrap_err(),
    ];
    let elsewhere = session.aggregate(AggregateId::new(long.clone(), id(1)));
    let command = elsewhere.create_command("wrap-crate", "{}").unwrap();
    errors.push(elsewhere.process_command(command).await.unwrap_err());
    let command = elsewhere.create_command("seal-crate", "{}").unwrap();
    errors.push(elsewhere.process_command(command).await.unwrap_err());
    for payload in [
        format!(r#"{{"{long}":1}}"#),
        format!(r#"{{"by_number":"{long}"}}"#),
        format!(r#"{{"by_number":{{"{long}":1}}}}"#),
        format!(r#"{{"by_shelf":{{"{long}":1}}}}"#),
        format!(r#"{{"by_id":{{"{long}":1}}}}"#),
        format!(r#"{{"by_name":{{"{long}":{{"7":1}}}}}}"#),
        format!(r#"{{"by_name":{{"{long}":{{"7":{{"weight":"\u0000"}}}}}}}}"#),
    ] {
        errors.push(send(&domain, "put-pieces", &payload).await.unwrap_err());
    }
    for error in errors {
        let (text, debug) = (error.to_string(), format!("{error:?}"));
        assert!(text.len() < 1_500, "{} bytes: {text:.200}", text.len());
        let holds_the_aggregate = matches!(error, Error::PreconditionRequired { .. });
        assert!(holds_the_aggregate || debug.len() < 2_500, "{} bytes: {debug:.200}", debug.len());
    }
}
