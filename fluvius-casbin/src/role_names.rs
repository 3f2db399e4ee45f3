//! The roles that a role of a sender inherits.
//!
//! The roles of a context come with the request, so casbin has no links for them.

use std::collections::{HashMap, HashSet};

use crate::model::Model;
use crate::rule::Rule;

/// The roles by the role that inherits them, of the first role definition with two places.
pub(crate) struct RoleNames {
    inherited: HashMap<String, Vec<String>>,
}

impl RoleNames {
    pub(crate) fn of(model: &Model, rules: &[Rule]) -> Self {
        let definition = model.roles.iter().find(|role| role.places == 2);
        let mut inherited: HashMap<String, Vec<String>> = HashMap::new();
        for rule in rules.iter().filter(|rule| definition.is_some_and(|role| role.name == rule.key))
        {
            if let [role, other] = &rule.values[..] {
                inherited.entry(role.clone()).or_default().push(other.clone());
            }
        }
        Self { inherited }
    }

    /// Returns the roles, and those that they inherit, directly or indirectly.
    pub(crate) fn with_inherited<'a>(
        &'a self,
        roles: impl Iterator<Item = &'a str>,
    ) -> Vec<String> {
        let mut all: Vec<&str> = roles.collect();
        let mut seen: HashSet<&str> = all.iter().copied().collect();
        let mut next = 0;
        while let Some(role) = all.get(next) {
            next += 1;
            for other in self.inherited.get(*role).into_iter().flatten() {
                if seen.insert(other) {
                    all.push(other);
                }
            }
        }
        all.into_iter().map(str::to_owned).collect()
    }
}
