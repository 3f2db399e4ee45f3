//! Names of senders that contain the syntax of rules, models and matchers.

use fluvius_core::{DomainContext, Policy, ReadKind, ReadRequest};

use crate::bank::{DepositMoney, OpenAccount, activities, bank, id, north, policy, reads, verdict};

const NAMES: [&str; 14] = [
    "teller, *, account, QUERY, bank:state\np, guest, *, *, *, *",
    "guest\np, guest, *, *, *, *",
    "guest\r\ng2, guest, teller",
    "\"teller\"",
    "teller\"",
    "teller,",
    " teller",
    "teller\0",
    "*",
    "r.roles",
    "\" || true || \"",
    "${p.role}",
    "#teller",
    "té\u{202E}ller\u{FEFF}",
];

const RULES: &str = "p, teller, north, account, *, *\ng2, chief, teller\n";

#[tokio::test]
async fn role_is_compared_as_a_whole() {
    let policy = policy(RULES).await;
    for name in NAMES {
        let (is_allowed, reason) = reads(&policy, &north(name), 1).await;
        assert_eq!((is_allowed, reason.as_str()), (false, "no rule of rules allows it"), "{name}");
        // Neither does it take a role of the same sender away.
        assert!(reads(&policy, &north(name).with_role("chief"), 1).await.0, "{name}");
    }
    assert!(!reads(&policy, &north("guest"), 1).await.0);
    assert!(reads(&policy, &north("teller"), 1).await.0);
}

#[tokio::test]
async fn realm_is_compared_as_a_whole() {
    let policy = policy(RULES).await;
    for name in NAMES {
        for realm in [name.to_owned(), format!("north{name}"), format!("{name}north")] {
            let sender = DomainContext::create("x").with_realm(realm).with_role("teller");
            assert!(!reads(&policy, &sender, 1).await.0, "{sender:?}");
        }
    }
}

#[tokio::test]
async fn names_of_two_requests_are_not_mixed_up() {
    let policy = policy(RULES).await;
    let sender = |realm: &str, roles: &[&str]| {
        let context = DomainContext::create("x").with_realm(realm);
        roles.iter().fold(context, |context, role| context.with_role(*role))
    };
    // The verdict of the first sender is in the cache when the others ask.
    assert!(reads(&policy, &sender("north", &["teller"]), 1).await.0);
    for other in [
        sender("northteller", &[]),
        sender("north", &["tell", "er"]),
        sender("nort", &["hteller"]),
        sender("north", &["teller\0"]),
        sender("north\0", &["teller"]),
    ] {
        assert!(!reads(&policy, &other, 1).await.0, "{other:?}");
    }
}

#[tokio::test]
async fn quoted_name_in_a_rule_matches_that_name_only() {
    for name in NAMES.iter().filter(|name| !name.contains(['\n', '\r'])) {
        let quoted = name.replace('"', "\"\"");
        let policy = policy(&format!("p, \"{quoted}\", *, account, QUERY, *")).await;
        assert!(reads(&policy, &north(name), 1).await.0, "{name}");
        assert!(!reads(&policy, &north("teller"), 1).await.0, "{name}");
    }
}

#[tokio::test]
async fn resource_is_compared_as_a_whole() {
    let policy = policy(RULES).await;
    for name in NAMES {
        let request = ReadRequest::new(ReadKind::Query).resource(name);
        assert!(!verdict(policy.may_read(&request, &north("teller")).await).0, "{name}");
    }
}

#[tokio::test]
async fn hostile_sender_leaves_one_row_of_one_line() {
    let domain = bank(policy(RULES).await).await;
    domain.session(north("teller")).send(id(1), OpenAccount {}).await.unwrap();
    for (index, name) in NAMES.iter().filter(|name| !name.contains('\0')).enumerate() {
        let sender = domain.session(north(name));
        let error = sender.send(id(1), DepositMoney { amount: 1 }).await.unwrap_err();
        assert_eq!(error.code(), "permission-denied", "{name}");
        let rows = activities(&domain).await;
        assert_eq!(rows.len(), index + 2);
        assert!(!rows[index + 1].1.contains('\n') && rows[index + 1].0 == "permission-denied");
    }
}
