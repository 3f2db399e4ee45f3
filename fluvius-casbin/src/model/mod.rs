//! A model: the fields of requests and of rules, the role definitions and the matcher.

mod definitions;
mod matcher;

use casbin::{DefaultModel, Model as _};

use crate::error::{CasbinError, Faults};
use crate::matched;
use crate::request::Field;
use crate::source::NamedText;
use definitions::Definition;

/// The effects that casbin knows. Any other makes it panic.
const EFFECTS: [&str; 4] = [
    "some(where (p.eft == allow))",
    "!some(where (p.eft == deny))",
    "some(where (p.eft == allow)) && !some(where (p.eft == deny))",
    "priority(p.eft) || deny",
];

/// A model that casbin accepts.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) file: String,
    /// The fields of a request, in the order of the definition.
    pub(crate) fields: Vec<Field>,
    /// The names of the fields of a rule.
    pub(crate) rule: Vec<String>,
    pub(crate) roles: Vec<RoleDefinition>,
    effect: String,
    pub(crate) matcher: String,
    pub(crate) matcher_line: usize,
}

/// A role definition: `g = _, _`.
#[derive(Debug)]
pub(crate) struct RoleDefinition {
    pub(crate) name: String,
    /// The number of names in a rule: two, or three with a domain.
    pub(crate) places: usize,
}

impl Model {
    /// Reads a model.
    ///
    /// # Errors
    /// [`CasbinError::Invalid`], with all faults.
    pub(crate) fn parse(text: &NamedText) -> Result<Self, CasbinError> {
        let mut faults = Faults::of(&text.path);
        let found = definitions::read(&text.text, &mut faults);
        let mut required = |section: &str, key: &str, example: &str| {
            let definition = found.iter().find(|each| each.key == key).cloned();
            definition.unwrap_or_else(|| {
                faults.push(None, format!("`[{section}]` lacks `{key}`: add `{key} = {example}`"));
                Definition { line: 0, key: key.to_owned(), value: String::new() }
            })
        };
        let request = required("request_definition", "r", "usr, roles, realm, act");
        let rule = required("policy_definition", "p", "role, realm, act");
        let effect = required("policy_effect", "e", EFFECTS[0]);
        let matcher = required("matchers", "m", "p.role in r.roles && p.act == r.act");
        let roles: Vec<&Definition> =
            found.iter().filter(|each| each.key.starts_with('g')).collect();

        let model = Self {
            file: text.path.clone(),
            fields: request_fields(&request, &mut faults),
            rule: rule_fields(&rule, &mut faults),
            roles: roles.iter().filter_map(|each| role_definition(each, &mut faults)).collect(),
            effect: effect.value.clone(),
            matcher: matcher.value.clone(),
            matcher_line: matcher.line,
        };
        if effect.line > 0 && !EFFECTS.contains(&effect.value.as_str()) {
            let known = EFFECTS.map(|each| format!("`{each}`")).join(", ");
            faults.push(effect.line, format!("the effect is unknown: write one of {known}"));
        }
        if matcher.line > 0 {
            matcher::check(&model, &mut faults);
        }
        faults.or(model)
    }

    /// Returns the model for casbin, without rules. There, requests and rules have one more value,
    /// and each role definition has three places.
    pub(crate) fn to_casbin(&self) -> DefaultModel {
        let mut model = DefaultModel::default();
        let request = self.fields.iter().map(|field| field.name()).chain([matched::LINE]);
        let rule = self.rule.iter().map(String::as_str).chain([matched::LINE]);
        model.add_def("r", "r", &request.collect::<Vec<_>>().join(", "));
        model.add_def("p", "p", &rule.collect::<Vec<_>>().join(", "));
        model.add_def("e", "e", &self.effect);
        let matcher = matched::reporting(&matcher::with_separate_roles(&self.matcher));
        model.add_def("m", "m", &matcher);
        for role in &self.roles {
            model.add_def("g", &role.name, "_, _, _");
        }
        model
    }

    /// Returns the fields of a request that the verdict depends on, given the role definitions that
    /// have rules.
    pub(crate) fn relevant_fields(&self, has_rules: impl Fn(&str) -> bool) -> Vec<Field> {
        let relevant: Vec<Field> = matcher::relevant_fields(&self.matcher, has_rules).collect();
        self.fields.iter().copied().filter(|field| relevant.contains(field)).collect()
    }
}

impl RoleDefinition {
    /// Returns the names of a rule for casbin, whose domain starts with the name of the definition.
    pub(crate) fn to_casbin(&self, names: &[String]) -> Vec<String> {
        let domain = match names.get(2) {
            Some(domain) => format!("{}/{domain}", self.name),
            None => self.name.clone(),
        };
        names.iter().take(2).cloned().chain([domain]).collect()
    }
}

fn names(definition: &Definition) -> Vec<&str> {
    definition.value.split(',').map(str::trim).collect()
}

fn request_fields(definition: &Definition, faults: &mut Faults<'_>) -> Vec<Field> {
    let mut fields = Vec::new();
    for name in names(definition).into_iter().filter(|_| definition.line > 0) {
        match Field::from_name(name) {
            None => {
                let known = Field::ALL.map(|(name, _)| name).join(", ");
                let message = format!("a request has no field `{name}`: the fields are {known}");
                faults.push(definition.line, message);
            }
            Some(field) if fields.contains(&field) => {
                faults.push(definition.line, format!("`{name}` is there twice: delete one"));
            }
            Some(field) => fields.push(field),
        }
    }
    fields
}

fn rule_fields(definition: &Definition, faults: &mut Faults<'_>) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for name in names(definition).into_iter().filter(|_| definition.line > 0) {
        let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.chars().all(|each| each.is_ascii_alphanumeric() || each == '_');
        if !is_name {
            let message = format!("`{name}` is no name of a field: write letters, such as `role`");
            faults.push(definition.line, message);
        } else if fields.iter().any(|each| each == name) {
            faults.push(definition.line, format!("`{name}` is there twice: delete one"));
        } else {
            fields.push(name.to_owned());
        }
    }
    fields
}

fn role_definition(definition: &Definition, faults: &mut Faults<'_>) -> Option<RoleDefinition> {
    let places = names(definition);
    if !matches!(places.len(), 2 | 3) || places.iter().any(|place| *place != "_") {
        let key = &definition.key;
        let message = format!("a role definition is `{key} = _, _` or `{key} = _, _, _`");
        faults.push(definition.line, message);
        return None;
    }
    Some(RoleDefinition { name: definition.key.clone(), places: places.len() })
}

#[cfg(test)]
mod tests;
