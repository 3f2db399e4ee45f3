//! Tests of the authenticator as a whole.

mod key_sets;
mod malformed;
mod tls;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::http::Request;
use fluvius_core::Clock;
use fluvius_core::chrono::{DateTime, Utc};
use fluvius_core::serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_800_000_000;

/// A clock that a test sets.
#[derive(Clone)]
struct TestClock(Arc<AtomicI64>);

impl TestClock {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW)))
    }

    fn set(&self, after: i64) {
        self.0.store(NOW + after, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::Relaxed), 0).unwrap()
    }
}

fn authenticator(keys: KeySource) -> JwtAuthenticator {
    JwtAuthenticator::new("https://issuer", "api", keys).clock(TestClock::new())
}

/// Returns claims that are valid until a day from now, changed by `changes`; null removes one.
fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": "https://issuer", "aud": "api", "sub": "ada", "exp": NOW + 86_400, "nbf": NOW,
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

async fn send(tokens: &JwtAuthenticator, token: &str) -> Result<Authenticated, Unauthenticated> {
    let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    let (parts, ()) = request.body(()).unwrap().into_parts();
    tokens.authenticate(&RequestHead::new(&parts)).await
}

/// Checks that a token is refused for a reason, and that the answer quotes no part of it.
#[track_caller]
fn check_refused(answer: Result<Authenticated, Unauthenticated>, token: &str, reason: &str) {
    let refused = answer.map(|sender| sender.context).unwrap_err();
    assert_eq!(refused.to_string(), reason);
    let challenge = format!("Bearer error=\"invalid_token\", error_description=\"{reason}\"");
    assert_eq!(refused.challenge(), challenge);
    for part in token.split('.').filter(|part| part.len() > 3) {
        assert!(!challenge.contains(part), "{challenge}");
    }
}
