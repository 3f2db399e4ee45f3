//! The rules in a text: one a line, as values between commas.

use crate::error::{CasbinError, Faults};
use crate::model::Model;
use crate::source::{NamedText, lines};

/// A rule: `p, teller, north, bank-account, COMMAND, bank:deposit-money`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The number of its line, from 1.
    pub(crate) line: usize,
    /// `p`, or the name of a role definition.
    pub(crate) key: String,
    pub(crate) values: Vec<String>,
}

/// Reads the rules of a model. Empty lines and lines that start with `#` have none.
///
/// # Errors
/// [`CasbinError::Invalid`], with all faults.
pub(crate) fn parse(text: &NamedText, model: &Model) -> Result<Vec<Rule>, CasbinError> {
    let mut faults = Faults::of(&text.path);
    let mut rules = Vec::new();
    for (line, text) in
        lines(&text.text).filter(|(_, text)| !text.is_empty() && !text.starts_with('#'))
    {
        let values = match split(text) {
            Ok(values) => values,
            Err(message) => {
                faults.push(line, message);
                continue;
            }
        };
        let mut values = values.into_iter();
        let key = values.next().unwrap_or_default();
        let rule = Rule { line, key, values: values.collect() };
        match check(&rule, model) {
            Ok(()) => rules.push(rule),
            Err(message) => faults.push(line, message),
        }
    }
    faults.or(rules)
}

/// Checks the number of values, and the effect. casbin ignores a rule with an unknown key, and ends
/// every later request with an error if a rule has too few values.
fn check(rule: &Rule, model: &Model) -> Result<(), String> {
    let names = if rule.key == "p" {
        model.rule.join(", ")
    } else if let Some(role) = model.roles.iter().find(|role| role.name == rule.key) {
        ["name", "role", "domain"][..role.places].join(", ")
    } else {
        let mut keys = vec!["p".to_owned()];
        keys.extend(model.roles.iter().map(|role| role.name.clone()));
        return Err(format!("the key `{}` is unknown: write {}", rule.key, keys.join(", ")));
    };
    let (expected, count) = (names.split(", ").count(), rule.values.len());
    if count != expected {
        let key = &rule.key;
        return Err(format!(
            "`{key}` has {count} values instead of {expected}: write {key}, {names}"
        ));
    }
    let effect = model.rule.iter().position(|name| name == "eft").filter(|_| rule.key == "p");
    match effect.map(|index| rule.values[index].as_str()) {
        None | Some("allow" | "deny") => Ok(()),
        Some(other) => Err(format!("the effect `{other}` is unknown: write allow or deny")),
    }
}

/// Splits a line at its commas. A value in quotes may have commas; two quotes in it are one.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut values = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_start();
        let (value, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let value = rest[..end].trim_end();
                if value.is_empty() {
                    let number = values.len() + 1;
                    return Err(format!("value {number} is missing: write \"\" for an empty one"));
                }
                (value.to_owned(), &rest[end..])
            }
        };
        values.push(value);
        let after = after.trim_start();
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(values),
            None => {
                let number = values.len();
                return Err(format!(
                    "value {number} goes on after its quotes: quote it as a whole"
                ));
            }
        }
    }
}

/// Returns the value up to the closing quote, and the text after it.
fn unquote(mut rest: &str) -> Result<(String, &str), String> {
    let mut value = String::new();
    loop {
        let Some((part, after)) = rest.split_once('"') else {
            return Err("a value has no closing quote: add it on the same line".to_owned());
        };
        value += part;
        match after.strip_prefix('"') {
            Some(next) => {
                value.push('"');
                rest = next;
            }
            None => return Ok((value, after)),
        }
    }
}

#[cfg(test)]
mod tests;
