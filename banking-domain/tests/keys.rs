//! Released keys are data: logs and clients contain them.
#![allow(missing_docs, reason = "a test binary has no readers of its documentation")]

use banking_domain::Account;
use fluvius::Aggregate;

#[test]
fn released_keys_do_not_change() {
    let keys: String = Account::ACTIONS
        .iter()
        .map(|action| {
            let event = action.event.map_or("-", |event| event.key);
            format!("{} {} {event}\n", action.resources.join(","), action.key)
        })
        .collect();
    assert_eq!(
        keys,
        include_str!("../../docs/keys.txt"),
        "a key has changed: set the old one with `key = \"..\"` or `evt_key = \"..\"`, or add a \
        new one to docs/keys.txt"
    );
}
