//! The verdicts of the policy, with and without its cache, are those of casbin alone.

use std::collections::BTreeSet;

use casbin::rhai::Dynamic;
use casbin::{CoreApi, DefaultModel, Enforcer, StringAdapter};
use fluvius_casbin::{CasbinPolicy, DEFAULT_MODEL};
use fluvius_core::{DomainContext, Policy, ReadKind, ReadRequest};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::bank::{id, rules, verdict};

const ROLES: [&str; 5] = ["clerk", "teller", "chief", "auditor", "ops"];

/// A sender and its read, as numbers of a few users, profiles, organizations and aggregates.
#[derive(Debug, Clone)]
struct Asked {
    user: Option<u128>,
    profile: Option<u128>,
    organization: Option<u128>,
    realm: Option<&'static str>,
    roles: Vec<&'static str>,
    kind: ReadKind,
    resource: Option<&'static str>,
    id: Option<u128>,
}

fn user() -> impl Strategy<Value = String> {
    (1..3u128).prop_map(|number| id(number).to_string())
}

fn profile() -> impl Strategy<Value = String> {
    (11..13u128).prop_map(|number| id(number).to_string())
}

fn organization() -> impl Strategy<Value = String> {
    (21..23u128).prop_map(|number| id(number).to_string())
}

fn role() -> impl Strategy<Value = String> {
    select(&ROLES[..]).prop_map(str::to_owned)
}

fn rule() -> impl Strategy<Value = String> {
    let permission = (
        prop_oneof![4 => role(), 1 => user(), 1 => Just("anonymous".to_owned())],
        select(&["*", "north", "south", "\"\""][..]),
        select(&["*", "*", "account", "branch", "\"\""][..]),
        select(&["*", "*", "QUERY", "COMMAND"][..]),
        select(&["*", "*", "bank:state", "bank:query"][..]),
    );
    let inherits = (prop_oneof![user(), profile(), role(), Just("anonymous".to_owned())], role());
    let aggregate = (select(&["account", "branch"][..]), 31..33u128);
    prop_oneof![
        permission.prop_map(|(role, realm, resource, kind, act)| format!(
            "p, {role}, {realm}, {resource}, {kind}, {act}"
        )),
        (user(), profile(), organization())
            .prop_map(|(user, profile, on)| format!("g, {user}, {profile}, {on}")),
        inherits.prop_map(|(name, role)| format!("g2, {name}, {role}")),
        (profile(), role(), aggregate).prop_map(|(profile, role, (resource, number))| format!(
            "g3, {profile}, {role}, {resource}/{}",
            id(number)
        )),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let actor = (option::of(1..3u128), option::of(11..13u128), option::of(21..23u128));
    let realm = option::of(select(&["north", "south"][..]));
    let kind = select(&[ReadKind::State, ReadKind::Query, ReadKind::Events][..]);
    let on = (option::of(select(&["account", "branch"][..])), option::of(31..33u128));
    (actor, realm, vec(select(&ROLES[..]), 0..3), kind, on).prop_map(
        |((user, profile, organization), realm, roles, kind, (resource, id))| Asked {
            user,
            profile,
            organization,
            realm,
            roles,
            kind,
            resource,
            id,
        },
    )
}

impl Asked {
    fn context(&self) -> DomainContext {
        let mut context = DomainContext::create("test");
        if let Some(user) = self.user {
            context = context.with_user(id(user));
        }
        if let Some(profile) = self.profile {
            context = context.with_profile(id(profile));
        }
        if let Some(organization) = self.organization {
            context = context.with_organization(id(organization));
        }
        if let Some(realm) = self.realm {
            context = context.with_realm(realm);
        }
        self.roles.iter().fold(context, |context, role| context.with_role(*role))
    }

    fn request(&self) -> ReadRequest<'_> {
        let mut request = ReadRequest::new(self.kind);
        request.resource = self.resource;
        request.id = self.id.map(id);
        request
    }

    /// Returns the values of the default model: usr, pro, org, rid, cqrs, act, realm, roles, res.
    fn values(&self, rules: &[String]) -> Vec<Dynamic> {
        let number = |number: Option<u128>| number.map(|number| id(number).to_string());
        let on = match (self.resource, number(self.id)) {
            (Some(resource), Some(id)) => format!("{resource}/{id}"),
            (resource, id) => resource.map(str::to_owned).or(id).unwrap_or_default(),
        };
        let mut roles: BTreeSet<&str> = self.roles.iter().copied().collect();
        for _ in ROLES {
            for rule in rules {
                let parts: Vec<&str> = rule.split(", ").collect();
                if parts[0] == "g2" && roles.contains(parts[1]) {
                    roles.insert(parts[2]);
                }
            }
        }
        let roles: Vec<Dynamic> =
            roles.into_iter().map(|role| Dynamic::from(role.to_owned())).collect();
        vec![
            number(self.user).unwrap_or_else(|| "anonymous".to_owned()).into(),
            number(self.profile).unwrap_or_default().into(),
            number(self.organization).unwrap_or_default().into(),
            on.into(),
            "QUERY".to_owned().into(),
            format!("bank:{}", self.kind.as_str()).into(),
            self.realm.unwrap_or_default().to_owned().into(),
            roles.into(),
            self.resource.unwrap_or_default().to_owned().into(),
        ]
    }
}

async fn casbin_alone(rules: &[String]) -> Enforcer {
    let model = DefaultModel::from_str(DEFAULT_MODEL).await.unwrap();
    Enforcer::new(model, StringAdapter::new(rules.join("\n"))).await.unwrap()
}

async fn check(text: &[String], requests: &[Asked]) -> Result<(usize, usize), TestCaseError> {
    let alone = casbin_alone(text).await;
    let build = |capacity| rules(&text.join("\n")).cache_capacity(capacity).build();
    // The cache of two verdicts loses some while they are in use.
    let policies: [CasbinPolicy; 3] =
        [build(0).await.unwrap(), build(2).await.unwrap(), build(1_000).await.unwrap()];
    let mut counts = (0, 0);
    for asked in requests.iter().chain(requests) {
        let expected = alone.enforce(asked.values(text)).unwrap();
        let (context, request) = (asked.context(), asked.request());
        let mut reasons = BTreeSet::new();
        for policy in &policies {
            let (found, reason) = verdict(policy.may_read(&request, &context).await);
            prop_assert_eq!(found, expected, "{:?}: {}", asked, reason);
            reasons.insert(reason);
        }
        prop_assert_eq!(reasons.len(), 1, "{:?}", reasons);
        if expected { counts.0 += 1 } else { counts.1 += 1 }
    }
    Ok(counts)
}

#[test]
fn verdicts_are_those_of_casbin_alone() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 150,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let total = std::cell::Cell::new((0, 0));
    let result = runner.run(&(vec(rule(), 0..40), vec(asked(), 1..15)), |(rules, requests)| {
        let (allowed, denied) = runtime.block_on(check(&rules, &requests))?;
        let before = total.get();
        total.set((before.0 + allowed, before.1 + denied));
        Ok(())
    });
    result.unwrap();
    // Both verdicts are frequent, so that the comparison means something.
    let (allowed, denied) = total.get();
    assert!(allowed > 300 && denied > 300, "{allowed} allowed, {denied} denied");
}
