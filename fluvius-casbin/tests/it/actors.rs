//! The roles of senders: by their context, their user, and their profile in an organization.

use fluvius_core::DomainContext;

use crate::bank::{id, north, policy, reads};

fn read(role: &str) -> String {
    format!("p, {role}, *, account, QUERY, bank:state\n")
}

fn sender() -> DomainContext {
    DomainContext::create("test")
}

#[tokio::test]
async fn role_inherits_through_any_number_of_roles() {
    let mut rules = read("role-99");
    for number in 0..99 {
        rules += &format!("g2, role-{number}, role-{}\n", number + 1);
    }
    // A cycle ends too.
    rules += "g2, role-99, role-50\n";
    rules += &format!("g2, {}, role-0\n", id(7));
    let policy = policy(&rules).await;
    for role in ["role-0", "role-50", "role-99"] {
        assert!(reads(&policy, &north(role), 1).await.0, "{role}");
    }
    assert!(reads(&policy, &sender().with_user(id(7)), 1).await.0);
    assert!(!reads(&policy, &north("role-100"), 1).await.0);
    assert!(!reads(&policy, &sender().with_user(id(8)), 1).await.0);
}

#[tokio::test]
async fn inheritance_has_one_direction() {
    let policy = policy(&format!("{}g2, manager, teller\n", read("manager"))).await;
    assert!(reads(&policy, &north("manager"), 1).await.0);
    assert!(!reads(&policy, &north("teller"), 1).await.0);
}

#[tokio::test]
async fn profile_counts_for_its_user_and_organization() {
    let (user, profile, organization) = (id(1), id(2), id(3));
    let rules =
        format!("{}g, {user}, {profile}, {organization}\ng2, {profile}, clerk\n", read("clerk"));
    let policy = policy(&rules).await;
    let member = |user, profile, organization| {
        sender().with_user(id(user)).with_profile(id(profile)).with_organization(id(organization))
    };
    assert!(reads(&policy, &member(1, 2, 3), 1).await.0);
    for other in [
        member(9, 2, 3),
        member(1, 9, 3),
        member(1, 2, 9),
        sender().with_user(user),
        sender().with_user(user).with_profile(profile),
        sender().with_profile(profile).with_organization(organization),
        sender().with_user(user).with_organization(organization),
        sender(),
    ] {
        assert!(!reads(&policy, &other, 1).await.0, "{other:?}");
    }
}

#[tokio::test]
async fn role_on_one_aggregate_holds_there_only() {
    let (user, profile, organization) = (id(1), id(2), id(3));
    let rules = format!(
        "{}g, {user}, {profile}, {organization}\ng3, {profile}, clerk, account/{}\n",
        read("clerk"),
        id(5)
    );
    let policy = policy(&rules).await;
    let clerk = sender().with_user(user).with_profile(profile).with_organization(organization);
    assert!(reads(&policy, &clerk, 5).await.0);
    assert!(!reads(&policy, &clerk, 6).await.0);
    assert!(reads(&policy, &clerk, 5).await.0);
}

#[tokio::test]
async fn sender_without_a_user_is_anonymous() {
    let policy = policy(&format!("{}g2, anonymous, guest\n", read("guest"))).await;
    assert!(reads(&policy, &sender(), 1).await.0);
    assert!(!reads(&policy, &sender().with_user(id(7)), 1).await.0);
}

#[tokio::test]
async fn role_cannot_pose_as_an_actor() {
    let user = id(7);
    let rules = format!(
        "{}{}g2, anonymous, guest\ng2, {user}, admin\n",
        read("admin").replace("bank:state", "*"),
        read("guest").replace("bank:state", "*"),
    );
    let policy = policy(&rules).await;
    assert!(reads(&policy, &sender().with_user(user), 1).await.0);
    let other = sender().with_user(id(8));
    for role in ["anonymous".to_owned(), user.to_string(), user.simple().to_string()] {
        assert!(!reads(&policy, &other.clone().with_role(role.as_str()), 1).await.0, "{role}");
    }
    assert!(reads(&policy, &other.with_role("admin"), 1).await.0);
}
