//! The definitions in the text of a model: sections, keys, values and their lines.

use crate::error::Faults;
use crate::source::lines;

/// A definition: `r = usr, act`.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    /// The first line, from 1.
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) value: String,
}

/// The sections, with the key of their definition.
const SECTIONS: [(&str, &str); 5] = [
    ("request_definition", "r"),
    ("policy_definition", "p"),
    ("role_definition", "g"),
    ("policy_effect", "e"),
    ("matchers", "m"),
];

/// Reads the definitions. A line that ends with a backslash goes on in the next one.
pub(super) fn read(text: &str, faults: &mut Faults<'_>) -> Vec<Definition> {
    let mut found: Vec<Definition> = Vec::new();
    let mut section = None;
    let mut lines = lines(text);
    while let Some((line, text)) = lines.next() {
        let mut value = without_comment(text).to_owned();
        while let Some(part) = value.strip_suffix('\\') {
            value = part.trim_end().to_owned();
            let Some((_, next)) = lines.next() else { break };
            value = format!("{value} {}", without_comment(next));
        }
        if value.is_empty() {
            continue;
        }
        if let Some(name) = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = SECTIONS.iter().find(|(each, _)| *each == name).map(|(_, key)| *key);
            if section.is_none() {
                let known = SECTIONS.map(|(name, _)| format!("`[{name}]`")).join(", ");
                faults.push(line, format!("the section `[{name}]` is unknown: write {known}"));
            }
            continue;
        }
        let Some((key, value)) = value.split_once('=') else {
            faults
                .push(line, "this is no definition: write `key = value`, or `#` before a comment");
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        match section {
            None => faults.push(line, format!("`{key}` is in no known section: add one before it")),
            Some(section) if !is_key_of(key, section) => {
                let example = if section == "g" { "`g`, `g2`, `g3` .." } else { section };
                faults.push(line, format!("the key `{key}` has no use here: write {example}"));
            }
            Some(_) if found.iter().any(|each| each.key == key) => {
                faults.push(line, format!("`{key}` is defined twice: delete one"));
            }
            Some(_) => {
                found.push(Definition { line, key: key.to_owned(), value: value.to_owned() });
            }
        }
    }
    found
}

/// Role definitions are numbered; of all others, casbin uses the first.
fn is_key_of(key: &str, section: &str) -> bool {
    match key.strip_prefix(section) {
        Some("") => true,
        Some(number) => section == "g" && matches!(number.parse::<u32>(), Ok(2..)),
        None => false,
    }
}

fn without_comment(line: &str) -> &str {
    if line.starts_with(';') {
        return "";
    }
    line.split('#').next().unwrap_or_default().trim_end()
}
