//! Tokens of an issuer by another maker: `oauth2-mock-server` 8, on Node.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use fluvius::server::{JwtAuthenticator, KeySource, Server};
use fluvius::testing::FixedClock;
use fluvius::{Clock as _, SystemClock};
use serde_json::Value;

use crate::client::Running;
use crate::library::library;

/// The folder in which npm has installed the issuer. `.ci/run` sets it.
const FOLDER: &str = "OAUTH2_MOCK_SERVER";

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_foreign_issuer_are_verified() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return println!("skipped: {FOLDER} names no folder with oauth2-mock-server");
    };
    let mut issuer = Command::new("node")
        .args(["--input-type=module", "--eval", include_str!("oauth2_mock_server.mjs")])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(issuer.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut orders = issuer.stdin.take().unwrap();
    let tokens: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    let text = |name: &str| tokens[name].as_str().unwrap();

    let clock = FixedClock::at(SystemClock.now());
    let keys = KeySource::url(&format!("{}/jwks", text("issuer"))).unwrap();
    let verifier = JwtAuthenticator::new(text("issuer"), "library", keys).clock(clock.clone());
    let server = Server::new().mount(library().await).authenticate(verifier);
    let server = Running::start(server).await;
    let read = |token: &str| {
        let call = server.get("/library/book").header("authorization", &format!("Bearer {token}"));
        call.send()
    };
    read(text("valid")).await.expect(200);
    for (name, reason) in [
        ("audience", "the token is for another audience"),
        ("expired", "the token has expired"),
        ("early", "the token is not yet valid"),
    ] {
        assert_eq!(read(text(name)).await.expect_problem(401)["detail"], reason, "{name}");
    }
    for algorithm in ["ES256", "ES384", "EdDSA", "PS256", "RS512"] {
        writeln!(orders, "{algorithm}").unwrap();
        let token = lines.next().unwrap();
        // The key is new, and the last attempt to read the keys a minute ago.
        clock.set(clock.now() + fluvius::chrono::TimeDelta::seconds(60));
        read(&token).await.expect(200);
    }
    drop(orders);
    assert!(issuer.wait().unwrap().success());
    server.stop().await;
}
