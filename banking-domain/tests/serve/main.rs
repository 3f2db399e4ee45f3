//! The bank over HTTP, as a process of its own: the README's lines, kills, and the shutdown.

#![allow(missing_docs, reason = "a test binary has no readers of its documentation")]
#![allow(unreachable_pub, reason = "the modules of a test binary have no outside")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod kills;
mod process;
mod readme;

use std::time::{Duration, Instant};

use process::{Bank, post};

#[test]
fn terminated_server_answers_what_it_has_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let bank = Bank::start(folder.path());
    let opened = post(
        bank.address,
        "open-account",
        None,
        r#"{"account_number":"1","owner_name":"A","initial_deposit":"1"}"#,
    );
    assert_eq!(opened.unwrap().status, 201);
    let begun = Instant::now();
    assert!(bank.terminate().success());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn address_of_other_interfaces_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = process::command(folder.path(), "0.0.0.0:0").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("the server has no authenticator"), "{text}");
}

#[test]
fn faulty_arguments_end_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let short = file("short", "hunter2");
    let odd = file("odd.json", r#"{ "teller": { "commands": "all" } }"#);
    let named = ["--issuer", "a", "--audience", "b"];
    for (arguments, code, message) in [
        (vec!["--jwks", "keys.json"], 2, "--issuer"),
        (vec!["--policy", &odd], 1, "is no policy"),
        (vec!["--policy", "absent.json"], 1, "cannot read absent.json"),
        ([&["--jwt-secret-file", &short], &named[..]].concat(), 1, "at least 32"),
        ([&["--jwks", "http://example.org/keys"], &named[..]].concat(), 1, "https"),
    ] {
        let mut command = process::command(folder.path(), "127.0.0.1:0");
        let output = command.args(&arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(message) && !text.contains("hunter2"), "{arguments:?}: {text}");
    }
}

#[test]
fn server_with_a_secret_asks_for_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "0123456789abcdef0123456789abcdef").unwrap();
    let roles = folder.path().join("roles.json");
    std::fs::write(&roles, r#"{ "teller": { "commands": ["open-account"], "read": true } }"#)
        .unwrap();
    let arguments = [
        ("--jwt-secret-file", secret.display().to_string()),
        ("--policy", roles.display().to_string()),
        ("--issuer", "a".to_owned()),
        ("--audience", "b".to_owned()),
    ];
    let bank = Bank::start_with(folder.path(), &arguments);
    let answer = process::get(bank.address, "").unwrap();
    assert_eq!(answer.status, 401);
    assert!(answer.head.contains("www-authenticate: bearer"), "{}", answer.head);
}
