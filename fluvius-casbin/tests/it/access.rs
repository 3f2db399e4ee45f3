//! Commands, reads and operations of a domain, and the rules in its activity log.

use fluvius_core::{DomainContext, Operation, Policy, ReadKind, ReadRequest};

use crate::bank::{DepositMoney, OpenAccount, activities, bank, id, north, policy, verdict};

const RULES: &str = "
# role, realm, res, cqrs, act
p, teller, north, account, COMMAND, bank:open-account
p, auditor, north, account, QUERY, bank:state
p, operator, *, *, OPERATION, bank:export
";

#[tokio::test]
async fn allowed_command_names_its_rule() {
    let domain = bank(policy(RULES).await).await;
    let teller = domain.session(north("teller"));
    teller.send(id(1), OpenAccount {}).await.unwrap();
    let message = format!(
        "`open-account` on account/{} is allowed: line 3 of rules: p, teller, north, account, \
         COMMAND, bank:open-account",
        id(1)
    );
    assert_eq!(activities(&domain).await, [("permission-granted".to_owned(), message)]);
}

#[tokio::test]
async fn denied_command_leaves_a_row_and_nothing_else() {
    let domain = bank(policy(RULES).await).await;
    let teller = domain.session(north("teller"));
    teller.send(id(1), OpenAccount {}).await.unwrap();
    let error = teller.send(id(1), DepositMoney { amount: 5 }).await.unwrap_err();
    assert_eq!(error.code(), "permission-denied");
    let message =
        format!("`deposit-money` on account/{} is not allowed: no rule of rules allows it", id(1));
    assert_eq!(error.to_string(), message);
    assert_eq!(activities(&domain).await[1], ("permission-denied".to_owned(), message));
    assert_eq!(domain.log().events().await.unwrap().rows.len(), 1);
    assert_eq!(domain.log().commands().await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn read_is_decided_by_kind_and_resource() {
    let policy = policy(RULES).await;
    let state = |resource| ReadRequest::new(ReadKind::State).resource(resource).id(id(1));
    for (request, role, is_allowed) in [
        (state("account"), "auditor", true),
        (state("branch"), "auditor", false),
        (ReadRequest::new(ReadKind::State), "auditor", false),
        (ReadRequest::new(ReadKind::History).resource("account"), "auditor", false),
        (state("account"), "teller", false),
    ] {
        let found = verdict(policy.may_read(&request, &north(role)).await);
        assert_eq!(found.0, is_allowed, "{request} by {role}: {}", found.1);
    }
}

#[tokio::test]
async fn operation_is_recorded_with_its_rule() {
    let domain = bank(policy(RULES).await).await;
    let operator = domain.session(DomainContext::create("ops").with_role("operator"));
    operator.may_operate(Operation::Export).await.unwrap();
    operator.may_operate(Operation::Verify).await.unwrap_err();
    domain.session(north("teller")).may_operate(Operation::Export).await.unwrap_err();
    let denied = |operation| {
        let message = format!("operation `{operation}` is not allowed: no rule of rules allows it");
        ("permission-denied".to_owned(), message)
    };
    let message = "operation `export` is allowed: line 5 of rules: p, operator, *, *, OPERATION, \
                   bank:export";
    let allowed = ("operation".to_owned(), message.to_owned());
    assert_eq!(activities(&domain).await, [allowed, denied("verify"), denied("export")]);
}

#[tokio::test]
async fn everything_is_denied_without_rules() {
    let empty = policy("# none\n").await;
    let sender = north("teller").with_role("sys_admin").with_user(id(7));
    let kinds = [
        ReadKind::State,
        ReadKind::Query,
        ReadKind::History,
        ReadKind::Events,
        ReadKind::Command,
        ReadKind::Description,
    ];
    let nothing = (false, "no rule of rules allows it".to_owned());
    for kind in kinds {
        assert_eq!(verdict(empty.may_read(&ReadRequest::new(kind), &sender).await), nothing);
    }
    let operations = [
        Operation::CommandLog,
        Operation::Contexts,
        Operation::AllRealms,
        Operation::Export,
        Operation::Verify,
        Operation::Outbox,
        Operation::Subscriptions,
        Operation::Projections,
        Operation::Metrics,
    ];
    for operation in operations {
        assert_eq!(verdict(empty.may_operate(operation, &sender).await), nothing);
    }
    let domain = bank(empty).await;
    let error = domain.session(sender).send(id(1), OpenAccount {}).await.unwrap_err();
    assert_eq!(error.code(), "permission-denied");
}

#[tokio::test]
async fn rule_of_a_realm_holds_in_that_realm_only() {
    let domain = bank(policy(RULES).await).await;
    domain.session(north("teller")).send(id(1), OpenAccount {}).await.unwrap();
    let teller = |realm: Option<&str>| {
        let context = DomainContext::create("test").with_role("teller");
        domain.session(realm.map_or(context.clone(), |realm| context.with_realm(realm)))
    };
    for (number, realm) in [Some("south"), None, Some(""), Some("*"), Some("North"), Some("north ")]
        .into_iter()
        .enumerate()
    {
        let number = 10 + u128::try_from(number).unwrap();
        let error = teller(realm).send(id(number), OpenAccount {}).await.unwrap_err();
        assert_eq!(error.code(), "permission-denied", "{realm:?}");
    }
    teller(Some("north")).send(id(9), OpenAccount {}).await.unwrap();
}

#[tokio::test]
async fn star_is_any_realm_and_quotes_are_none() {
    let policy = policy("p, a, *, *, QUERY, *\np, b, \"\", *, QUERY, *\n").await;
    let request = ReadRequest::new(ReadKind::Events);
    let context = |role: &str| DomainContext::create("test").with_role(role);
    for (sender, is_allowed) in [
        (context("a"), true),
        (context("a").with_realm("south"), true),
        (context("b"), true),
        (context("b").with_realm("south"), false),
        (context("b").with_realm("*"), false),
        // An empty realm is not the absence of one.
        (context("a").with_realm(""), false),
        (context("b").with_realm(""), false),
    ] {
        assert_eq!(verdict(policy.may_read(&request, &sender).await).0, is_allowed, "{sender:?}");
    }
}
