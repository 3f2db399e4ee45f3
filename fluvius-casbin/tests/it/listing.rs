//! The actions that lists show to a sender.

use fluvius_core::DomainRuntime;

use crate::bank::{bank, id, north, policy};

fn listed(domain: &DomainRuntime, role: &str) -> Vec<&'static str> {
    let session = domain.session(north(role).with_user(id(1)));
    let actions = domain.registry().actions().into_iter();
    actions.filter(|action| session.may_list(action)).map(|action| action.key).collect()
}

#[tokio::test]
async fn denied_action_is_hidden() {
    let domain = bank(policy("p, teller, north, account, COMMAND, bank:open-account").await).await;
    assert_eq!(listed(&domain, "teller"), ["open-account"]);
    assert_eq!(listed(&domain, "auditor"), [""; 0]);
}

#[tokio::test]
async fn rules_about_single_aggregates_hide_nothing() {
    let rules = format!(
        "p, clerk, north, account, COMMAND, bank:deposit-money\n\
         g3, {}, clerk, account/{}\n",
        id(2),
        id(5)
    );
    let domain = bank(policy(&rules).await).await;
    assert_eq!(listed(&domain, "auditor").len(), 2);
}
