//! Models of a program: other fields, effects and functions of casbin.

use fluvius_casbin::CasbinPolicy;

use crate::bank::{north, reads, rules};

/// Returns a model with the effect.
fn model(effect: &str) -> String {
    format!(
        "[request_definition]\nr = roles, dom, act\n[policy_definition]\np = role, act, eft, note\n\
         [policy_effect]\ne = {effect}\n[matchers]\n\
         m = p.role in r.roles && keyMatch(r.act, r.dom + p.act)\n"
    )
}

async fn policy(effect: &str, text: &str) -> CasbinPolicy {
    rules(text).model(model(effect)).build().await.unwrap()
}

const DENY: &str =
    "p, a, :st*, allow, first\np, b, :state, deny, \"second, rule\"\np, c, :x, deny, -\n";

#[tokio::test]
async fn denying_rule_takes_precedence_and_is_the_reason() {
    let effect = "some(where (p.eft == allow)) && !some(where (p.eft == deny))";
    let policy = policy(effect, DENY).await;
    let allowed = (true, "line 1 of rules: p, a, :st*, allow, first".to_owned());
    assert_eq!(reads(&policy, &north("a"), 1).await, allowed);
    let denied = (false, "line 2 of rules: p, b, :state, deny, second, rule".to_owned());
    assert_eq!(reads(&policy, &north("a").with_role("b"), 1).await, denied);
    assert_eq!(reads(&policy, &north("b"), 1).await, denied);
    let nothing = (false, "no rule of rules allows it".to_owned());
    assert_eq!(reads(&policy, &north("c"), 1).await, nothing);
}

#[tokio::test]
async fn first_rule_decides_by_priority() {
    let policy = policy("priority(p.eft) || deny", DENY).await;
    assert!(reads(&policy, &north("b").with_role("a"), 1).await.0);
    assert!(!reads(&policy, &north("b"), 1).await.0);
    assert!(!reads(&policy, &north("c"), 1).await.0);
}

#[tokio::test]
async fn effect_that_allows_by_default_has_a_reason() {
    let policy = policy("!some(where (p.eft == deny))", DENY).await;
    let allowed = (true, "no rule of rules denies it".to_owned());
    assert_eq!(reads(&policy, &north("c"), 1).await, allowed);
    assert!(!reads(&policy, &north("b"), 1).await.0);
}

#[tokio::test]
async fn model_of_the_original_decides_the_same_way() {
    let model = "[request_definition]\nr = usr, pro, org, rid, cqrs, act\n\
        [policy_definition]\np = role, cqrs, act\n\
        [role_definition]\ng = _, _, _\ng2 = _, _\ng3 = _, _, _\n\
        [policy_effect]\ne = some(where (p.eft == allow))\n[matchers]\n\
        m = g(r.usr, r.pro, r.org) && ((g2(r.pro, p.role) || g3(r.pro, p.role, r.rid)) && \\\n\
            r.cqrs == p.cqrs && r.act == p.act || g2(r.pro, p.role) && p.role == \"sys_admin\")\n";
    let id = crate::bank::id;
    let text = format!(
        "p, clerk, QUERY, bank:state\np, sys_admin, -, -\ng, {}, {}, {}\ng, {}, {}, {}\n\
         g2, {}, sys_admin\ng3, {}, clerk, account/{}\n",
        id(1),
        id(2),
        id(3),
        id(4),
        id(5),
        id(3),
        id(5),
        id(2),
        id(9)
    );
    let policy = rules(&text).model(model).build().await.unwrap();
    let member = |user, profile| {
        let context = north("sys_admin").with_user(id(user)).with_profile(id(profile));
        context.with_organization(id(3))
    };
    assert!(reads(&policy, &member(1, 2), 9).await.0);
    assert!(!reads(&policy, &member(1, 2), 8).await.0);
    assert!(reads(&policy, &member(4, 5), 8).await.0);
    assert!(!reads(&policy, &member(1, 5), 8).await.0);
}

/// casbin alone has one graph for all role definitions: there, the resources of the group would be
/// roles, and a domain with the name `DEFAULT` would be that of the definitions without domains.
#[tokio::test]
async fn role_definitions_do_not_share_names() {
    let model = "[request_definition]\nr = usr, realm, rid, act\n\
        [policy_definition]\np = role, group\n\
        [role_definition]\ng = _, _\ng2 = _, _\ng3 = _, _, _\n\
        [policy_effect]\ne = some(where (p.eft == allow))\n[matchers]\n\
        m = (g(r.usr, p.role) || g3(r.usr, p.role, r.realm)) && g2(r.rid, p.group)\n";
    let id = crate::bank::id;
    let account = |number| format!("account/{}", id(number));
    let text = format!(
        "p, chief, vault\ng, {}, chief\ng2, {}, vault\ng2, {}, chief\ng3, {}, chief, DEFAULT\n",
        id(1),
        account(1),
        id(2),
        id(3)
    );
    let policy = rules(&text).model(model).build().await.unwrap();
    let user = |number, realm: &str| {
        fluvius_core::DomainContext::create("x").with_user(id(number)).with_realm(realm)
    };
    assert!(reads(&policy, &user(1, "north"), 1).await.0);
    assert!(!reads(&policy, &user(1, "north"), 2).await.0);
    assert!(!reads(&policy, &user(2, "north"), 1).await.0, "a name of g2 is none of g");
    assert!(!reads(&policy, &user(3, "north"), 1).await.0, "DEFAULT is not all realms");
    assert!(reads(&policy, &user(3, "DEFAULT"), 1).await.0);
}

/// `keyMatch` of casbin cuts the name in the middle of a character.
#[tokio::test]
async fn panic_of_casbin_is_a_denial() {
    let model = "[request_definition]\nr = realm\n[policy_definition]\np = realm\n\
        [policy_effect]\ne = some(where (p.eft == allow))\n[matchers]\n\
        m = keyMatch(r.realm, p.realm)\n";
    let policy = rules("p, no*").model(model).build().await.unwrap();
    let in_realm = |realm| fluvius_core::DomainContext::create("x").with_realm(realm);
    assert!(reads(&policy, &in_realm("north"), 1).await.0);
    let denied = (false, "the rules of rules could not be evaluated".to_owned());
    assert_eq!(reads(&policy, &in_realm("né"), 1).await, denied);
    assert!(reads(&policy, &in_realm("north"), 1).await.0);
}
