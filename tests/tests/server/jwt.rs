//! JSON Web Tokens as credentials, by a real server and the key set of a real issuer.

use fluvius::server::{JwtAuthenticator, KeySource, Server};
use fluvius::testing::FixedClock;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Running};
use crate::issuer::Issuer;
use crate::library::{emma, library};
use crate::tokens::{Signer, base64url, key_set};

/// 2027-01-15, in seconds.
const NOW: i64 = 1_800_000_000;

fn at(after: i64) -> fluvius::chrono::DateTime<fluvius::chrono::Utc> {
    fluvius::chrono::DateTime::from_timestamp(NOW + after, 0).unwrap()
}

/// A server whose senders have tokens of an issuer.
struct Guarded {
    server: Running,
    issuer: Issuer,
    signer: Signer,
    clock: FixedClock,
}

impl Guarded {
    async fn start() -> Self {
        let (issuer, signer, clock) = (Issuer::start(), Signer::p256("a"), FixedClock::at(at(0)));
        issuer.publishes(&key_set(&[&signer]));
        let keys = KeySource::url(&issuer.url()).unwrap();
        let tokens = JwtAuthenticator::new("https://issuer", "library", keys)
            .realm_claim("tenant")
            .roles_claim("roles")
            .clock(clock.clone());
        let server = Server::new().mount(library().await).authenticate(tokens);
        Self { server: Running::start(server).await, issuer, signer, clock }
    }

    fn token(&self, changes: Value) -> String {
        self.signer.token("ES256", &claims(changes))
    }

    async fn read(&self, token: &str) -> Answer {
        self.server.get("/library/book").header("authorization", &bearer(token)).send().await
    }

    /// Checks that a token is refused for a reason, which quotes no part of it.
    async fn check_refused(&self, token: &str, reason: &str) {
        let answer = self.read(token).await;
        let problem = answer.expect_problem(401);
        assert_eq!(
            (&problem["code"], &problem["detail"]),
            (&json!("unauthenticated"), &json!(reason))
        );
        assert_eq!(
            answer.header("www-authenticate"),
            format!("Bearer error=\"invalid_token\", error_description=\"{reason}\"")
        );
        for part in token.split('.').filter(|part| part.len() > 3) {
            assert!(!answer.text.contains(part), "{}", answer.text);
        }
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": "https://issuer", "aud": "library", "sub": "ada", "tenant": "north",
        "exp": NOW + 3600,
    });
    for (name, value) in changes.as_object().unwrap() {
        let claims = claims.as_object_mut().unwrap();
        match value {
            Value::Null => drop(claims.remove(name)),
            value => drop(claims.insert(name.clone(), value.clone())),
        }
    }
    claims
}

#[tokio::test]
async fn token_gives_actor_and_realm() {
    let guarded = Guarded::start().await;
    let sent = |token: String, method: &str| {
        match method {
            "add" => guarded.server.post("/library/book/add-book", &emma()),
            path => guarded.server.get(path),
        }
        .header("authorization", &bearer(&token))
    };
    let token = |changes| guarded.token(changes);
    let created = sent(token(json!({})), "add").send().await;
    created.expect(201);
    let path = created.header("location").to_owned();
    let state = sent(token(json!({})), &path).send().await.expect(200);
    let user = Uuid::new_v5(&Uuid::new_v5(&Uuid::NAMESPACE_URL, b"https://issuer"), b"ada");
    assert_eq!(state["created_by"], user.to_string());
    // The other realm sees no book.
    let south = token(json!({ "tenant": "south" }));
    assert_eq!(sent(south.clone(), &path).send().await.expect(404)["code"], "not-found");
    let page = sent(south, "/library/book").send().await.expect(200);
    assert_eq!(page["rows"], json!([]));
}

#[tokio::test]
async fn request_without_a_token_is_refused() {
    let guarded = Guarded::start().await;
    let answer = guarded.server.get("/library/book").send().await;
    assert_eq!(answer.expect_problem(401)["code"], "unauthenticated");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert_eq!(guarded.issuer.requests(), 0);
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let guarded = Guarded::start().await;
    let other = Signer::p256("a").token("ES256", &claims(json!({})));
    guarded.check_refused(&other, "the signature of the token is invalid").await;

    let rsa = Signer::rsa("rsa");
    guarded.issuer.publishes(&key_set(&[&guarded.signer, &rsa]));
    guarded.clock.set(at(60));
    guarded
        .server
        .get("/library/book")
        .header("authorization", &bearer(&rsa.token("RS256", &claims(json!({})))))
        .send()
        .await
        .expect(200);
    let public = rsa.jwk().to_string();
    let swapped = Signer::secret("rsa", public.as_bytes()).token("HS256", &claims(json!({})));
    guarded.check_refused(&swapped, "the algorithm of the token is not allowed").await;

    let header = base64url(br#"{"alg":"none","kid":"a"}"#);
    let unsigned = format!("{header}.{}.", base64url(claims(json!({})).to_string().as_bytes()));
    guarded.check_refused(&unsigned, "the token is malformed").await;

    let header = json!({ "alg": "ES256", "kid": "a", "crit": ["exp"] });
    let critical = guarded.signer.token_with_header("ES256", &header, &claims(json!({})));
    let reason = "the token has a critical header parameter, which is not supported";
    guarded.check_refused(&critical, reason).await;
}

#[tokio::test]
async fn claims_that_do_not_fit_are_refused() {
    let guarded = Guarded::start().await;
    let missing = |name: &str| format!("the claim `{name}` of the token is missing or invalid");
    for (changes, reason) in [
        (json!({ "exp": NOW - 60 }), "the token has expired".to_owned()),
        (json!({ "nbf": NOW + 61 }), "the token is not yet valid".to_owned()),
        (json!({ "aud": "bank" }), "the token is for another audience".to_owned()),
        (json!({ "iss": "https://issuer/" }), "the token is from another issuer".to_owned()),
        (json!({ "exp": null }), missing("exp")),
        (json!({ "aud": null }), missing("aud")),
        (json!({ "iss": null }), missing("iss")),
        (json!({ "sub": null }), missing("sub")),
        // Without the realm the sender would have none, and see what has none.
        (json!({ "tenant": null }), missing("tenant")),
        (json!({ "tenant": "" }), missing("tenant")),
    ] {
        guarded.check_refused(&guarded.token(changes), &reason).await;
    }
}

#[tokio::test]
async fn keys_rotate_and_outlive_an_outage() {
    let guarded = Guarded::start().await;
    guarded.read(&guarded.token(json!({}))).await.expect(200);
    let new = Signer::ed25519("new");
    let token = |id: &str| new.token("EdDSA", &claims(json!({ "jti": id, "exp": NOW + 200_000 })));
    guarded.check_refused(&token("1"), "the key of the token is unknown").await;
    guarded.issuer.publishes(&key_set(&[&new]));
    guarded.clock.set(at(60));
    guarded.read(&token("2")).await.expect(200);
    guarded
        .check_refused(&guarded.token(json!({ "jti": 1 })), "the key of the token is unknown")
        .await;
    guarded.issuer.fails();
    guarded.clock.set(at(60 + 24 * 3600));
    guarded.read(&token("3")).await.expect(200);
    guarded.clock.set(at(60 + 24 * 3600 + 70));
    guarded.check_refused(&token("4"), "the keys of the issuer are not available").await;
}

#[tokio::test]
async fn malformed_tokens_are_refused() {
    let guarded = Guarded::start().await;
    let token = guarded.token(json!({}));
    let long = "a".repeat(17 << 10);
    for malformed in
        ["a", "a.b", "a.b.c", "..", "e30.e30.e30", &token[..20], &format!("{token}."), &long]
    {
        guarded.check_refused(malformed, "the token is malformed").await;
    }
    let twice = guarded
        .server
        .get("/library/book")
        .header("authorization", &bearer(&token))
        .header("authorization", &bearer(&token));
    twice.send().await.expect_problem(401);
}
