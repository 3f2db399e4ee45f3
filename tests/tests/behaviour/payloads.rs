//! `invalid-payload`: payloads that do not fit a command, with the JSON path.

use fluvius_core::{DomainContext, Error, MemoryStore};
use serde_json::json;

use fluvius_tests::fixture::{self, Fixture};
use fluvius_tests::store_snapshot::{Trail, check_rejected};
use fluvius_tests::ticket::{TicketDomain, ticket};

/// Sends JSON text to an existing ticket, and checks the path and the message of the error.
async fn check(key: &str, payload: &str, path: &str, message: &str) {
    let fixture = Fixture::new::<TicketDomain>().await;
    fixture.apply(&ticket(1), "open-ticket", json!({ "title": "a" })).await;
    let created_at = fixture.session.aggregate(ticket(1)).create_command(key, payload);
    let error = match created_at {
        Ok(command) => {
            check_rejected(&fixture.store, &fixture.session, command, Trail::Nothing).await
        }
        Err(error) => error,
    };
    match &error {
        Error::InvalidPayload { command, path: at, message: why } => {
            assert_eq!((command.as_str(), at.as_str()), (key, path), "{payload}: {why}");
            assert!(why.contains(message), "{payload}: {why}");
            let at = if path == "." { String::new() } else { format!(" at `{path}`") };
            let text = format!("the payload of `{key}` is not valid{at}: {why}");
            fixture::check_error(&error, "invalid-payload", &text);
        }
        other => panic!("{payload}: {other:?}"),
    }
}

#[tokio::test]
async fn a_missing_field_is_invalid() {
    check("open-ticket", "{}", "title", "missing field `title`").await;
    check("estimate", r#"{"estimate":{"points":1}}"#, "estimate.parts", "missing field `parts`")
        .await;
}

#[tokio::test]
async fn an_unknown_field_is_invalid() {
    check("open-ticket", r#"{"title":"a","titel":1}"#, "titel", "unknown field `titel`").await;
    check("ask-title", r#"{"loud":true}"#, "loud", "unknown field `loud`").await;
    check("see-ticket", r#"{"why":1}"#, "why", "unknown field `why`").await;
}

#[tokio::test]
async fn a_wrong_type_is_invalid() {
    check("open-ticket", r#"{"title":7}"#, "title", "expected a string").await;
    check("open-ticket", r#"{"title":null}"#, "title", "expected a string").await;
    check("add-points", r#"{"points":"7"}"#, "points", "expected i64").await;
    check("add-points", r#"{"points":1.5}"#, "points", "expected i64").await;
    check("add-points", r#"{"points":9223372036854775808}"#, "points", "expected i64").await;
    check("ask-title", r#"{"shout":"yes"}"#, "shout", "expected a boolean").await;
}

#[tokio::test]
async fn nested_values_and_arrays_have_paths() {
    let part = r#"{"estimate":{"points":1,"parts":[{"label":"a","weight":1},{"label":2}]}}"#;
    check("estimate", part, "estimate.parts[1].label", "expected a string").await;
    let part = r#"{"estimate":{"points":1,"parts":[{"label":"a","weight":1,"more":[]}]}}"#;
    check("estimate", part, "estimate.parts[0].more", "unknown field `more`").await;
    check("open-ticket", r#"{"title":"a","tags":["b",1]}"#, "tags[1]", "expected a string").await;
}

#[tokio::test]
async fn a_payload_must_be_an_object() {
    for payload in ["7", "null", "\"text\"", "true", "1.5"] {
        check("open-ticket", payload, ".", "expected").await;
        check("see-ticket", payload, ".", "expected").await;
    }
    // serde would read fields from an array in their order; a payload is an object.
    check("open-ticket", r#"["a", 1, []]"#, ".", "expected").await;
    check("see-ticket", "[]", ".", "expected").await;
}

#[tokio::test]
async fn a_duplicate_field_is_invalid() {
    check("open-ticket", r#"{"title":"a","title":"b"}"#, "title", "duplicate field `title`").await;
    check("rename-ticket", r#"{"newTitle":"a","title":"b"}"#, "newTitle", "duplicate field").await;
    check("rename-ticket", r#"{"name":"a","title":"b"}"#, ".", "duplicate field").await;
    let part = r#"{"estimate":{"points":1,"points":2,"parts":[]}}"#;
    check("estimate", part, "estimate.points", "duplicate field `points`").await;
}

#[tokio::test]
async fn an_unstorable_payload_is_invalid() {
    let nul = "U+0000 cannot be stored";
    check("open-ticket", r#"{"title":"a\u0000b"}"#, "title", nul).await;
    check("open-ticket", r#"{"title":"a","tags":["ok","\u0000"]}"#, "tags[1]", nul).await;
    check("open-ticket", r#"{"a\u0000":"a"}"#, ".", nul).await;
    let number = "send it as a string";
    let part =
        r#"{"estimate":{"points":1,"parts":[{"label":"a","weight":0.12345678901234567890}]}}"#;
    check("estimate", part, "estimate.parts[0].weight", number).await;
    check("add-points", r#"{"points":123456789012345678901}"#, "points", number).await;
    check("add-points", r#"{"points":1e999}"#, "points", number).await;
    check("open-ticket", r#"{"title":"\ud800"}"#, "title", "surrogate").await;
    let deep = format!(r#"{{"title":"a","tags":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    let created_at = Fixture::new::<TicketDomain>().await.session.aggregate(ticket(1));
    let error = created_at.create_command("open-ticket", deep.as_str()).unwrap_err();
    assert_eq!(error.code(), "invalid-payload");
}

#[tokio::test]
async fn malformed_json_is_invalid() {
    for payload in ["", "{", "{title:1}", "{\"title\":\"a\"}x", "NaN", "{\"title\":\"a\",}"] {
        check("open-ticket", payload, ".", "").await;
    }
}

#[tokio::test]
async fn an_unstorable_typed_command_is_invalid() {
    let fixture = Fixture::new::<TicketDomain>().await;
    let open =
        fluvius_tests::ticket::OpenTicket { title: "a\0b".to_owned(), points: 0, tags: vec![] };
    let before = fixture.snapshot().await;
    let error = fixture.session.send(fixture::id(1), open).await.unwrap_err();
    assert!(matches!(&error, Error::InvalidPayload { path, .. } if path == "title"), "{error:?}");
    let estimate = fluvius_tests::ticket::Estimate {
        points: 1,
        parts: vec![fluvius_tests::ticket::Part { label: "a".to_owned(), weight: f64::NAN }],
    };
    let error = fixture
        .session
        .send(fixture::id(1), fluvius_tests::ticket::EstimateWork { estimate })
        .await
        .unwrap_err();
    match &error {
        Error::InvalidPayload { path, .. } => assert_eq!(path, "estimate.parts[0].weight"),
        other => panic!("{other:?}"),
    }
    assert_eq!(before, fixture.snapshot().await);
}

#[tokio::test]
async fn an_unstorable_context_is_rejected() {
    use fluvius_core::Domain;
    let store = MemoryStore::new();
    let domain = TicketDomain::runtime(store.clone()).await.unwrap();
    for (context, path) in [
        (DomainContext::create("a\0"), "context.source"),
        (DomainContext::create("a").with_realm("r\0"), "context.realm"),
        (DomainContext::create("a").with_role("b").with_role("\0"), "context.roles"),
        (DomainContext::create("a").with_header("User-Agent", "\0"), "context.headers.user-agent"),
    ] {
        let session = domain.session(context);
        let command =
            fixture::command(&session, &ticket(1), "open-ticket", json!({ "title": "a" }));
        let error = check_rejected(&store, &session, command, Trail::Nothing).await;
        assert!(
            matches!(&error, Error::InvalidPayload { path: at, .. } if at == path),
            "{error:?}"
        );
    }
    // A header that is not recorded may hold any value.
    let context = DomainContext::create("a").with_header("cookie", "\0");
    let session = domain.session(context);
    let command = fixture::command(&session, &ticket(1), "open-ticket", json!({ "title": "a" }));
    session.process_command(command).await.unwrap();
}

#[tokio::test]
async fn an_invalid_payload_has_a_pointer_to_the_field() {
    let fixture = Fixture::new::<TicketDomain>().await;
    let part = |part: serde_json::Value| json!({ "estimate": { "points": 1, "parts": [part] } });
    for (key, payload, pointer) in [
        ("open-ticket", json!({}), "/title"),
        ("open-ticket", json!({ "title": 7 }), "/title"),
        ("open-ticket", json!({ "title": "a", "a.b/c": 7 }), "/a.b~1c"),
        ("estimate", part(json!({ "label": "a" })), "/estimate/parts/0/weight"),
        ("estimate", part(json!({ "label": [] })), "/estimate/parts/0/label"),
        ("estimate", part(json!(7)), "/estimate/parts/0"),
        ("open-ticket", json!([]), ""),
    ] {
        let command = fixture.command(&ticket(1), key, payload);
        match fixture.session.process_command(command).await.unwrap_err() {
            Error::InvalidPayload { path, .. } => assert_eq!(path.pointer(), pointer, "{path}"),
            other => panic!("{other:?}"),
        }
    }
}
