//! Random JSON for the tests of this module.

use proptest::prelude::*;
use proptest::strategy::Union;
use serde_json::Value;

use super::text::Json;
use super::tokenizer::string_end;

/// Generates JSON texts: numbers and strings in several spellings, unusual and duplicate keys,
/// random white space.
pub(super) fn any_json() -> impl Strategy<Value = Json> {
    any_text().prop_map(|text| Json::parse(text).unwrap())
}

/// Generates a state, and the same state after a few changes to the elements of its list.
pub(super) fn changed() -> impl Strategy<Value = (Json, Json)> {
    let edit = (0_u8..4, any::<prop::sample::Index>(), any::<prop::sample::Index>(), any_text());
    let list = prop::collection::vec(any_text(), 0..20);
    (list, prop::collection::vec(edit, 0..5), any_text()).prop_map(|(old, edits, rest)| {
        let mut new = old.clone();
        for (kind, at, to, text) in edits {
            match (kind, new.is_empty()) {
                (0, _) => new.insert(at.index(new.len() + 1), text),
                (_, true) => {}
                (1, _) => drop(new.remove(at.index(new.len()))),
                (2, _) => {
                    let moved = new.remove(at.index(new.len()));
                    new.insert(to.index(new.len() + 1), moved);
                }
                (_, _) => {
                    let at = at.index(new.len());
                    new[at] = format!(r#"{{"was":{},"is":{text}}}"#, new[at]);
                }
            }
        }
        let state = |list: Vec<String>| {
            Json::parse(format!(r#"{{"rest":{rest},"list":[{}]}}"#, list.join(","))).unwrap()
        };
        (state(old), state(new))
    })
}

/// Returns the same value in the same spelling, with more white space.
pub(super) fn pretty(json: &Json) -> Json {
    let (text, mut out, mut at) = (json.as_str(), String::from("\n"), 0);
    while let Some(&byte) = text.as_bytes().get(at) {
        let end = if byte == b'"' { string_end(text.as_bytes(), at) } else { at + 1 };
        let space = if b"{}[],:".contains(&byte) { " " } else { "" };
        out.extend([space, &text[at..end], space]);
        at = end;
    }
    Json::parse(out).unwrap()
}

fn any_text() -> impl Strategy<Value = String> {
    any_scalar().prop_recursive(4, 40, 6, |inner| {
        let members = prop::collection::vec((any_key(), inner.clone(), any_space()), 0..6);
        prop_oneof![
            (prop::collection::vec(inner, 0..6), any_space()).prop_map(
                |(elements, space)| format!(
                    "[{space}{}{space}]",
                    elements.join(&format!("{space},"))
                )
            ),
            members.prop_map(|members| {
                let member = |(key, value, space): &(String, String, &str)| {
                    format!("{space}{key}{space}:{value}")
                };
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

fn any_space() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "", "", " ", "\n\t"])
}

fn any_key() -> impl Strategy<Value = String> {
    let fixed = ["", "a", "\\u0061", "b", "a/b", "~", "~1", "0", "1", "-", "é", "\\n\\\"", "$"];
    let fixed = prop::sample::select(fixed.to_vec()).prop_map(|key| format!("\"{key}\""));
    prop_oneof![3 => fixed, 1 => "[a-c/~]{0,3}".prop_map(|key| quoted(&key))]
}

fn any_scalar() -> Union<BoxedStrategy<String>> {
    let spellings =
        ["10.50", "10.5", "1e3", "1E+3", "1000", "-0", "0.0", "1.0", "1", "null", "true", "false"];
    let strings = [r#""\u0041""#, r#""A""#, r#""\/""#, r#""[{,""#, r#""""#, r#""\ud83d\ude00""#];
    Union::new_weighted(vec![
        (4, prop::sample::select(spellings.to_vec()).prop_map(str::to_owned).boxed()),
        (2, prop::sample::select(strings.to_vec()).prop_map(str::to_owned).boxed()),
        (1, any::<i64>().prop_map(|number| number.to_string()).boxed()),
        (1, any::<u64>().prop_map(|number| number.to_string()).boxed()),
        (1, prop::num::f64::NORMAL.prop_map(|number| Value::from(number).to_string()).boxed()),
        (2, "\\PC{0,6}".prop_map(|text| quoted(&text)).boxed()),
    ])
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
