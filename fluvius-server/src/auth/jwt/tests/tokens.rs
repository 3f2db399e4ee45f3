//! Tokens that are valid, and those that an attacker or a wrong setting makes.

use super::super::fixture::{Signer, base64url, key_set};
use super::*;

const SECRET: &[u8] = b"a secret of at least 32 bytes, for tests only";

fn source(keys: &[&Signer]) -> KeySource {
    KeySource::json(&key_set(keys)).unwrap()
}

#[tokio::test]
async fn each_algorithm_is_verified() {
    let (rsa, p256, p384) = (Signer::rsa("rsa"), Signer::p256("p256"), Signer::p384("p384"));
    let ed25519 = Signer::ed25519("ed25519");
    let tokens = authenticator(source(&[&rsa, &p256, &p384, &ed25519]));
    for (signer, algorithm) in [
        (&rsa, "RS256"),
        (&rsa, "RS384"),
        (&rsa, "RS512"),
        (&rsa, "PS256"),
        (&rsa, "PS384"),
        (&rsa, "PS512"),
        (&p256, "ES256"),
        (&p384, "ES384"),
        (&ed25519, "EdDSA"),
    ] {
        let token = signer.token(algorithm, &claims(json!({})));
        let sender = send(&tokens, &token).await.unwrap_or_else(|e| panic!("{algorithm}: {e}"));
        assert_eq!(sender.expires_at.unwrap().timestamp(), NOW + 86_400);
        // The last byte of the signature, whose lowest bits the encoding may ignore, stays.
        let at = token.rfind('.').unwrap() + 1;
        let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let forged = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        check_refused(
            send(&tokens, &forged).await,
            &forged,
            "the signature of the token is invalid",
        );
    }
    let shared = authenticator(KeySource::secret(SECRET).unwrap());
    let token = Signer::secret("any", SECRET).token("HS256", &claims(json!({})));
    send(&shared, &token).await.unwrap();
}

#[tokio::test]
async fn other_keys_are_refused() {
    let (own, other) = (Signer::p256("a"), Signer::p256("a"));
    let tokens = authenticator(source(&[&own]));
    let token = other.token("ES256", &claims(json!({})));
    check_refused(send(&tokens, &token).await, &token, "the signature of the token is invalid");
    let unknown = Signer::p256("b").token("ES256", &claims(json!({})));
    check_refused(send(&tokens, &unknown).await, &unknown, "the key of the token is unknown");
    let shared = authenticator(KeySource::secret(SECRET).unwrap());
    let other = Signer::secret("a", b"another secret of at least 32 bytes");
    let token = other.token("HS256", &claims(json!({})));
    check_refused(send(&shared, &token).await, &token, "the signature of the token is invalid");
}

#[tokio::test]
async fn public_key_is_no_secret() {
    let rsa = Signer::rsa("a");
    let tokens = authenticator(source(&[&rsa]));
    let jwk = rsa.jwk();
    let text = key_set(&[&rsa]);
    let secrets = [jwk["n"].as_str().unwrap(), &jwk.to_string(), &text].map(str::to_owned);
    for secret in secrets {
        let forged = Signer::secret("a", secret.as_bytes()).token("HS256", &claims(json!({})));
        let reason = "the algorithm of the token is not allowed";
        check_refused(send(&tokens, &forged).await, &forged, reason);
    }
    // A symmetric key in a public set is no key at all.
    let oct = Signer::secret("s", SECRET);
    let tokens = authenticator(source(&[&rsa, &oct]));
    let forged = oct.token("HS256", &claims(json!({})));
    check_refused(send(&tokens, &forged).await, &forged, "the key of the token is unknown");
}

#[tokio::test]
async fn algorithm_of_another_family_is_refused() {
    let (rsa, p256) = (Signer::rsa("rsa"), Signer::p256("p256"));
    let tokens = authenticator(source(&[&rsa, &p256]));
    let header = json!({ "alg": "RS256", "kid": "p256" });
    let swapped = rsa.token_with_header("RS256", &header, &claims(json!({})));
    let reason = "the algorithm of the token is not allowed";
    check_refused(send(&tokens, &swapped).await, &swapped, reason);
    // Of the same family, but not on the list.
    let tokens = authenticator(source(&[&rsa])).algorithms([SigningAlgorithm::Ps256]);
    let token = rsa.token("RS256", &claims(json!({})));
    check_refused(send(&tokens, &token).await, &token, reason);
    send(&tokens, &rsa.token("PS256", &claims(json!({})))).await.unwrap();
}

#[tokio::test]
async fn unsigned_tokens_are_refused() {
    let signer = Signer::p256("a");
    let tokens = authenticator(source(&[&signer]));
    for name in ["none", "None", "NONE", ""] {
        let header = base64url(json!({ "alg": name, "kid": "a" }).to_string().as_bytes());
        let payload = base64url(claims(json!({})).to_string().as_bytes());
        for token in [format!("{header}.{payload}."), format!("{header}.{payload}")] {
            check_refused(send(&tokens, &token).await, &token, "the token is malformed");
        }
    }
    let token = signer.token("ES256", &claims(json!({})));
    let unsigned = &token[..=token.rfind('.').unwrap()];
    check_refused(send(&tokens, unsigned).await, unsigned, "the signature of the token is invalid");
}

#[tokio::test]
async fn keys_in_the_header_are_ignored() {
    let (own, attacker) = (Signer::p256("a"), Signer::p256("a"));
    let tokens = authenticator(source(&[&own]));
    let header = json!({
        "alg": "ES256", "kid": "a", "jwk": attacker.jwk(), "jku": "http://127.0.0.1:1/keys",
        "x5u": "http://127.0.0.1:1/chain",
    });
    let token = attacker.token_with_header("ES256", &header, &claims(json!({})));
    check_refused(send(&tokens, &token).await, &token, "the signature of the token is invalid");
}

#[tokio::test]
async fn critical_header_parameters_are_refused() {
    let signer = Signer::p256("a");
    let tokens = authenticator(source(&[&signer]));
    let reason = "the token has a critical header parameter, which is not supported";
    for crit in [json!(["exp"]), json!(["b64"]), json!([])] {
        let header = json!({ "alg": "ES256", "kid": "a", "crit": crit, "b64": true });
        let token = signer.token_with_header("ES256", &header, &claims(json!({})));
        check_refused(send(&tokens, &token).await, &token, reason);
    }
}

#[tokio::test]
async fn claims_are_checked() {
    let signer = Signer::p256("a");
    let tokens = authenticator(source(&[&signer])).realm_claim("tenant");
    let missing = |name: &str| format!("the claim `{name}` of the token is missing or invalid");
    for (changes, reason) in [
        (json!({ "exp": NOW - 60 }), "the token has expired".to_owned()),
        (json!({ "nbf": NOW + 61 }), "the token is not yet valid".to_owned()),
        (json!({ "aud": "other" }), "the token is for another audience".to_owned()),
        (json!({ "iss": "https://other" }), "the token is from another issuer".to_owned()),
        (json!({ "exp": null }), missing("exp")),
        (json!({ "aud": null }), missing("aud")),
        (json!({ "iss": null }), missing("iss")),
        (json!({ "sub": null }), missing("sub")),
        (json!({}), missing("tenant")),
    ] {
        let token = signer.token("ES256", &claims(changes));
        check_refused(send(&tokens, &token).await, &token, &reason);
    }
    let token = signer.token("ES256", &claims(json!({ "tenant": "north" })));
    assert_eq!(send(&tokens, &token).await.unwrap().context.realm(), Some("north"));
}

#[tokio::test]
async fn cached_token_expires() {
    let (signer, clock) = (Signer::p256("a"), TestClock::new());
    let tokens = authenticator(source(&[&signer])).clock(clock.clone());
    let token = signer.token("ES256", &claims(json!({ "exp": NOW + 10 })));
    for after in [0, 9, 10, 69] {
        clock.set(after);
        send(&tokens, &token).await.unwrap_or_else(|error| panic!("{after}: {error}"));
    }
    clock.set(70);
    check_refused(send(&tokens, &token).await, &token, "the token has expired");
}

#[tokio::test]
async fn request_without_a_bearer_token_is_refused() {
    let tokens = authenticator(source(&[&Signer::p256("a")]));
    for value in [None, Some("Basic YTpi"), Some("Bearer")] {
        let mut request = Request::get("/");
        if let Some(value) = value {
            request = request.header("authorization", value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let refused = tokens.authenticate(&RequestHead::new(&parts)).await.unwrap_err();
        assert_eq!(refused.challenge(), "Bearer", "{value:?}");
    }
}
