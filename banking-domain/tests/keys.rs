//! Keys that were released are data: logs and clients hold them.
#![allow(missing_docs, reason = "a test is told by its name")]

use banking_domain::Account;
use fluvius_core::Aggregate;

#[test]
fn released_keys_stay_as_they_are() {
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
        "a key has changed: give the action its old one by `key = \"..\"` or `evt_key = \"..\"`, \
         or write a new one into docs/keys.txt"
    );
}
