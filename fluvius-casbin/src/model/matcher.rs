//! The names and the role calls of a matcher. The text is compiled by casbin.

use std::ops::Range;

use super::Model;
use crate::error::Faults;
use crate::request::Field;

/// A call of a role definition: `g2(r.usr, p.role)`.
struct RoleCall<'a> {
    name: &'a str,
    /// The places of the arguments. Without plain arguments there are none.
    arguments: Vec<Range<usize>>,
}

/// Checks that a matcher uses only fields and role definitions of its model.
pub(super) fn check(model: &Model, faults: &mut Faults<'_>) {
    let line = model.matcher_line;
    if has_other_literals(&model.matcher) {
        let message = "the matcher has a backtick, a comment or a text without its end: write \
                       texts in double quotes, and nothing else beside conditions";
        faults.push(line, message);
        return;
    }
    for (_, name) in names(&model.matcher) {
        if let Some(field) = name.strip_prefix("r.") {
            let is_known = |each: &Field| model.fields.contains(each);
            if !Field::from_name(field).is_some_and(|each| is_known(&each)) {
                faults.push(line, format!("the matcher uses `{name}`: add `{field}` to `r`"));
            }
        } else if let Some(field) = name.strip_prefix("p.") {
            if !model.rule.iter().any(|each| each == field) {
                faults.push(line, format!("the matcher uses `{name}`: add `{field}` to `p`"));
            }
        } else if name == "eval" {
            let message = "the matcher calls `eval`, so rules would be code: write the condition \
                           in the matcher";
            faults.push(line, message);
        }
    }
    for RoleCall { name, arguments } in role_calls(&model.matcher) {
        match model.roles.iter().find(|role| role.name == name) {
            None => {
                let message =
                    format!("the matcher calls `{name}`: add `{name} = _, _` to the roles");
                faults.push(line, message);
            }
            Some(role) if role.places != arguments.len() => {
                let places = role.places;
                let message = format!(
                    "the matcher calls `{name}`: it takes {places} names of fields, such as `r.usr`"
                );
                faults.push(line, message);
            }
            Some(_) => {}
        }
    }
}

/// Returns true if a matcher has code in texts, comments, or a text without its end: parts in which
/// [`names`] does not find the names that casbin uses.
fn has_other_literals(matcher: &str) -> bool {
    let mut chars = matcher.chars().peekable();
    while let Some(each) = chars.next() {
        match each {
            '`' => return true,
            '/' if matches!(chars.peek(), Some('/' | '*')) => return true,
            '"' | '\'' => loop {
                match chars.next() {
                    None => return true,
                    Some('\\') => drop(chars.next()),
                    Some(next) if next == each => break,
                    Some(_) => {}
                }
            },
            _ => {}
        }
    }
    false
}

/// Returns the fields of a request that the verdict depends on. Without rules, a role definition
/// holds only for equal names, so the domain of its calls has no effect.
pub(super) fn relevant_fields<'a>(
    matcher: &'a str,
    has_rules: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Field> + 'a {
    let calls = role_calls(matcher).filter(|call| !has_rules(call.name));
    let ignored: Vec<Range<usize>> =
        calls.filter_map(|call| call.arguments.into_iter().nth(2)).collect();
    names(matcher)
        .filter(move |(start, _)| !ignored.iter().any(|range| range.contains(start)))
        .filter_map(|(_, name)| Field::from_name(name.strip_prefix("r.")?))
}

/// Returns the text for casbin. It has one graph for all role definitions, so here each name is in
/// a domain that starts with the name of its definition.
pub(super) fn with_separate_roles(matcher: &str) -> String {
    let mut text = String::new();
    let mut copied = 0;
    for RoleCall { name, arguments } in role_calls(matcher) {
        match &arguments[..] {
            [_, second] => {
                text += &matcher[copied..second.end];
                text += &format!(", \"{name}\"");
                copied = second.end;
            }
            [_, _, third] => {
                text += &matcher[copied..third.start];
                text += &format!("\"{name}/\" + ");
                copied = third.start;
            }
            _ => {}
        }
    }
    text + &matcher[copied..]
}

fn role_calls(matcher: &str) -> impl Iterator<Item = RoleCall<'_>> {
    let is_role = |name: &str| {
        let number = name.strip_prefix('g');
        number.is_some_and(|number| number.chars().all(|each| each.is_ascii_digit()))
    };
    let calls = names(matcher).filter(move |(_, name)| is_role(name));
    calls.map(|(start, name)| RoleCall {
        name,
        arguments: arguments(matcher, start + name.len()).unwrap_or_default(),
    })
}

/// Returns the places of the arguments after a name, if each is the name of a field.
fn arguments(matcher: &str, at: usize) -> Option<Vec<Range<usize>>> {
    let rest = &matcher[at..];
    let list = rest.trim_start().strip_prefix('(')?;
    let list = &list[..list.find(')')?];
    let mut start = at + rest.len() - rest.trim_start().len() + 1;
    let mut places = Vec::new();
    for argument in list.split(',') {
        let name = argument.trim();
        if names(name).next() != Some((0, name)) {
            return None;
        }
        let name_start = start + argument.len() - argument.trim_start().len();
        places.push(name_start..name_start + name.len());
        start += argument.len() + 1;
    }
    Some(places)
}

/// Returns the names outside of text literals, dotted ones as a whole, with their places.
fn names(matcher: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_name = |each: char| each.is_alphanumeric() || each == '_' || each == '.';
    let mut chars = matcher.char_indices().peekable();
    std::iter::from_fn(move || {
        while let Some((start, first)) = chars.next() {
            if matches!(first, '"' | '\'') {
                while let Some((_, next)) = chars.next().filter(|(_, next)| *next != first) {
                    if next == '\\' {
                        chars.next();
                    }
                }
            } else if is_name(first) {
                let mut end = start + first.len_utf8();
                while let Some((at, next)) = chars.next_if(|(_, next)| is_name(*next)) {
                    end = at + next.len_utf8();
                }
                return Some((start, &matcher[start..end]));
            }
        }
        None
    })
}
