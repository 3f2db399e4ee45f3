//! Loaded rules: the enforcer of casbin, and the verdicts that it gave.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use casbin::rhai::Dynamic;
use casbin::{CoreApi, DefaultRoleManager, Enforcer, Model as _, NullAdapter};
use fluvius_core::DomainContext;
use parking_lot::RwLock;

use crate::error::CasbinError;
use crate::matched::{self, MatchedLine};
use crate::model::Model;
use crate::request::{Field, Kind, Request};
use crate::role_names::RoleNames;
use crate::rule::{self, Rule};
use crate::source::NamedText;
use crate::verdict::{Verdict, VerdictCache};

/// One set of rules. It never changes, so a request that holds it sees one set.
pub(crate) struct Rules {
    namespace: &'static str,
    enforcer: Enforcer,
    /// The fields of a request, in the order of the model.
    fields: Vec<Field>,
    /// The fields that a verdict depends on.
    relevant: Vec<Field>,
    role_names: RoleNames,
    /// The name of the file of the rules.
    file: String,
    /// The values of the rules with the key `p`, by line.
    lines: HashMap<usize, Vec<String>>,
    cache: VerdictCache,
}

impl Rules {
    /// Loads a model and its rules.
    ///
    /// # Errors
    /// [`CasbinError::Invalid`].
    pub(crate) async fn load(
        namespace: &'static str,
        model: &NamedText,
        text: &NamedText,
        cache_capacity: usize,
    ) -> Result<Self, CasbinError> {
        let model = Model::parse(model)?;
        let rules = rule::parse(text, &model)?;
        let has_rules: HashSet<&str> = rules.iter().map(|rule| rule.key.as_str()).collect();
        let invalid = |error: String| {
            let message = format!("the matcher cannot be evaluated: {error}");
            CasbinError::at(&model.file, model.matcher_line, message)
        };
        let enforcer = enforcer(&model, &rules).await;
        let enforcer = enforcer.map_err(|error| invalid(error.to_string()))?;
        let loaded = Self {
            namespace,
            enforcer,
            relevant: model.relevant_fields(|role| has_rules.contains(role)),
            role_names: RoleNames::of(&model, &rules),
            fields: model.fields.clone(),
            file: text.name.clone(),
            lines: rules
                .into_iter()
                .filter(|rule| rule.key == "p")
                .map(|rule| (rule.line, rule.values))
                .collect(),
            cache: VerdictCache::new(cache_capacity),
        };
        // A matcher that fails would fail for each request.
        let (context, kind) = (&DomainContext::default(), Kind::Query);
        let request = Request { context, kind, action: "state", resource: None, id: None };
        loaded.evaluate(&request).map_err(invalid)?;
        Ok(loaded)
    }

    /// Returns the number of rules, without those of roles.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns true if a verdict may depend on the id of an aggregate.
    pub(crate) fn depend_on_id(&self) -> bool {
        self.relevant.contains(&Field::Aggregate)
    }

    /// Decides on a request, or returns the verdict of an earlier equal one.
    pub(crate) fn decide(&self, request: &Request<'_>) -> Verdict {
        if request.context.realm() == Some("") {
            // Rules have no name for it: an empty text stands for no realm.
            return Verdict::denied("the name of the realm is empty");
        }
        let key = request.key(&self.relevant);
        self.cache.get_or(key, || {
            self.evaluate(request).unwrap_or_else(|error| {
                let file = &self.file;
                tracing::error!(rules = %file, error, "a request could not be evaluated");
                Verdict::denied(format!("the rules of {file} could not be evaluated"))
            })
        })
    }

    fn evaluate(&self, request: &Request<'_>) -> Result<Verdict, String> {
        // Some functions of casbin panic, for example `keyMatch` for names that are not ASCII.
        match catch_unwind(AssertUnwindSafe(|| self.ask_casbin(request))) {
            Ok(verdict) => verdict.map_err(|error| error.to_string()),
            Err(_) => Err("a function of casbin panicked".to_owned()),
        }
    }

    fn ask_casbin(&self, request: &Request<'_>) -> casbin::Result<Verdict> {
        let value = |field: &Field| match field {
            Field::Roles => {
                let roles = self.role_names.with_inherited(request.roles());
                roles.into_iter().map(Dynamic::from).collect::<Vec<_>>().into()
            }
            field => request.text(*field, self.namespace).into(),
        };
        let matched = MatchedLine::default();
        let values = self.fields.iter().map(value).chain([matched.to_value()]);
        let is_allowed = self.enforcer.enforce(values.collect::<Vec<Dynamic>>())?;
        // Of several rules, the last one ended the search.
        let rule = matched.get().map(|line| self.describe(line));
        let file = &self.file;
        Ok(match (is_allowed, rule) {
            (true, Some(rule)) => Verdict::allowed(rule),
            (true, None) => Verdict::allowed(format!("no rule of {file} denies it")),
            (false, Some(rule)) => Verdict::denied(rule),
            (false, None) => Verdict::denied(format!("no rule of {file} allows it")),
        })
    }

    /// Describes a rule: `line 3 of bank.csv: p, teller, ..`.
    fn describe(&self, line: usize) -> String {
        let values = self.lines.get(&line).map(Vec::as_slice).unwrap_or_default();
        format!("line {line} of {}: p, {}", self.file, values.join(", "))
    }
}

async fn enforcer(model: &Model, rules: &[Rule]) -> casbin::Result<Enforcer> {
    let mut definitions = model.to_casbin();
    for Rule { line, key, values } in rules {
        match model.roles.iter().find(|role| role.name == *key) {
            Some(role) => definitions.add_policy("g", key, role.to_casbin(values)),
            None => {
                let line = [line.to_string()];
                definitions.add_policy("p", key, values.iter().cloned().chain(line).collect())
            }
        };
    }
    let mut enforcer = Enforcer::new_raw(definitions, NullAdapter).await?;
    matched::register(&mut enforcer);
    // By default, casbin ignores roles after the tenth of a chain.
    let roles = DefaultRoleManager::new(usize::MAX);
    enforcer.set_role_manager(Arc::new(RwLock::new(roles)))?;
    Ok(enforcer)
}

#[cfg(test)]
mod tests {
    use fluvius_core::uuid::Uuid;

    use super::*;

    async fn rules(text: &str) -> Rules {
        let named = |text: &str| NamedText {
            path: String::new(),
            name: "rules".to_owned(),
            text: text.to_owned(),
        };
        Rules::load("bank", &named(crate::DEFAULT_MODEL), &named(text), 100).await.unwrap()
    }

    /// Asks about some aggregates, and returns the number of verdicts that are kept.
    async fn kept(rules: &Rules, count: u128) -> usize {
        for number in 1..=count {
            let (context, kind) = (&DomainContext::create("x"), Kind::Query);
            let (resource, id) = (Some("account"), Some(Uuid::from_u128(number)));
            rules.decide(&Request { context, kind, action: "state", resource, id });
        }
        rules.cache.len()
    }

    #[tokio::test]
    async fn verdict_is_kept_by_aggregate_if_rules_name_any() {
        let general = rules("p, teller, *, *, *, *\ng2, chief, teller").await;
        assert_eq!((kept(&general, 50).await, general.depend_on_id()), (1, false));
        let single = rules("p, teller, *, *, *, *\ng3, ada, teller, account/1").await;
        assert_eq!((kept(&single, 50).await, single.depend_on_id()), (50, true));
        assert_eq!(kept(&single, 500).await, 100, "the number of verdicts is bounded");
    }
}
