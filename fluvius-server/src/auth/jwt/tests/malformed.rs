//! Texts that are no tokens. No text panics, and none is accepted.

use proptest::prelude::*;

use super::super::fixture::{Signer, base64url, key_set};
use super::*;

fn check_all_refused(texts: &[String]) {
    let signer = Signer::p256("a");
    let keys = KeySource::json(&key_set(&[&signer])).unwrap();
    let tokens = authenticator(keys);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for text in texts {
        let verified = runtime.block_on(tokens.verify(Some(text.as_str())));
        assert!(verified.is_err(), "{text:?}");
    }
}

#[test]
fn texts_without_three_parts_are_refused() {
    let texts = ["", ".", "..", "...", "a", "a.b", "a.b.c", "a.b.c.d", "\u{1F600}.\u{1F600}.x"];
    check_all_refused(&texts.map(str::to_owned));
}

#[test]
fn long_tokens_are_refused_unread() {
    let signer = Signer::p256("a");
    let tokens = authenticator(KeySource::json(&key_set(&[&signer])).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let token = |bytes| signer.token("ES256", &claims(json!({ "padding": "x".repeat(bytes) })));
    let verified = |bytes| runtime.block_on(tokens.verify(Some(&token(bytes)))).map(drop);
    assert_eq!(verified(8 << 10), Ok(()));
    assert_eq!(verified(16 << 10), Err(TokenFault::Malformed));
}

/// A JSON value, deep or wide enough to be no claim that was expected.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,5}", inner, 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_texts_are_refused(texts in prop::collection::vec(".{0,60}", 8)) {
        check_all_refused(&texts);
    }

    #[test]
    fn arbitrary_parts_are_refused(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..48), 3),
        header in values(),
        claims in values(),
    ) {
        let raw: Vec<String> = parts.iter().map(|part| base64url(part)).collect();
        let valid = base64url(br#"{"alg":"ES256","kid":"a"}"#);
        let json = [&header, &claims].map(|part| base64url(part.to_string().as_bytes()));
        check_all_refused(&[
            raw.join("."),
            format!("{valid}.{}.{}", raw[1], raw[2]),
            format!("{}.{}.{}", json[0], json[1], raw[2]),
            format!("{valid}.{}.{}", json[1], raw[2]),
        ]);
    }

    #[test]
    fn signed_claims_of_any_shape_do_not_panic(
        name in prop_oneof![
            Just("exp"), Just("nbf"), Just("aud"), Just("iss"), Just("sub"), Just("tenant"),
            Just("roles"), Just("org"),
        ],
        value in values(),
    ) {
        let signer = Signer::p256("a");
        let tokens = authenticator(KeySource::json(&key_set(&[&signer])).unwrap())
            .realm_claim("tenant")
            .roles_claim("roles")
            .organization_claim("org");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let own = json!({ "tenant": "north", name: value });
        let token = signer.token("ES256", &claims(own));
        let verified = runtime.block_on(tokens.verify(Some(&token)));
        if let Ok(sender) = verified {
            prop_assert!(sender.context.realm().is_some_and(|realm| !realm.is_empty()));
        }
    }
}
