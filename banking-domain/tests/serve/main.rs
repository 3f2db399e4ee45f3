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
