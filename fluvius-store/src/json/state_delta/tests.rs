use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::json::testing::{any_json, changed, pretty};

fn parse(text: &str) -> Json {
    Json::parse(text).unwrap()
}

/// Checks that applying the stored delta of two states gives the new state.
fn check(old: &Json, new: &Json) -> StateDelta {
    let change = StateDelta::between(Some(old), new);
    let stored = parse(change.to_json().as_str());
    let read = StateDelta::from_json(&stored).unwrap();
    assert_eq!(read.is_snapshot(), change.is_snapshot());
    assert_eq!(read.apply(Some(old.to_value())), Ok(new.to_value()), "{old} -> {new}: {change:?}");
    assert!(stored.len() <= new.len() + r#"{"snapshot":}"#.len());
    change
}

fn list(objects: impl Iterator<Item = usize>) -> String {
    let object = |id| {
        format!(r#"{{"id":{id},"name":"entry number {id}","amount":"{id}.00","note":"some text"}}"#)
    };
    objects.map(object).collect::<Vec<_>>().join(",")
}

#[test]
fn delta_without_an_old_state_is_a_snapshot() {
    let new = parse("{\"a\": [1]}");
    let change = StateDelta::between(None, &new);
    assert!(change.is_snapshot());
    assert_eq!(change.to_json().as_str(), r#"{"snapshot":{"a": [1]}}"#);
    assert_eq!(change.apply(None), Ok(json!({"a": [1]})));
    assert_eq!(change.apply(Some(json!("whatever"))), Ok(json!({"a": [1]})));
}

#[test]
fn equal_states_make_an_empty_patch() {
    for (old, new) in
        [("[1]", "[1]"), (r#"{"a":"A","b":2}"#, r#"{ "b":2, "a":"\u0041" }"#), ("null", " null ")]
    {
        assert_eq!(check(&parse(old), &parse(new)), StateDelta::Patch(parse("[]")));
    }
}

#[test]
fn array_state_is_not_mistaken_for_a_patch() {
    let state = parse(r#"[{"op":"remove","path":"/a"}]"#);
    let change = StateDelta::snapshot(&state);
    let read = StateDelta::from_json(&parse(change.to_json().as_str())).unwrap();
    assert_eq!(read.apply(None), Ok(state.to_value()));
}

#[test]
fn patch_of_a_long_list_stays_small() {
    let state = |list: String| parse(&format!(r#"{{"name":"all","entries":[{list}]}}"#));
    let old = state(list(0..300));
    assert!(old.len() > 20_000);
    for new in [
        list((1000..1001).chain(0..300)),
        list(1..300),
        list((1..300).chain(1000..1001)),
        list((0..150).chain(1000..1001).chain(150..300)),
        list((0..50).chain(51..200).chain(201..300)),
        list((0..50).chain([1000]).chain(51..300)),
        list((3..300).chain([0, 1, 2])),
    ] {
        let change = check(&old, &state(new));
        assert!(change.to_json().len() < 2_000, "{change:?}");
    }
}

#[test]
fn change_inside_an_element_is_stored_alone() {
    let old = parse(&format!("[{}]", list(0..20)));
    let new = parse(&old.as_str().replace("\"7.00\"", "\"7.50\""));
    assert_eq!(
        check(&old, &new).to_json().as_str(),
        r#"[{"op":"replace","path":"/7/amount","value":"7.50"}]"#
    );
}

#[test]
fn number_has_the_value_of_the_new_text() {
    let rest =
        r#""rest":"text long enough that the patch is the smaller one, whatever the number""#;
    for (old, new) in [
        ("10.5", "10.50"),
        ("10.5", "10.25"),
        ("1", "1.0"),
        ("0.1", "0.30000000000000004"),
        ("1", "1e23"),
        ("1", "1.7976931348623157e308"),
        ("9007199254740993", "18446744073709551615"),
        ("0.0", "-0.0"),
        ("1", "5e-324"),
    ] {
        let state = |number| parse(&format!("{{\"n\":{number},{rest}}}"));
        assert!(!check(&state(old), &state(new)).is_snapshot());
    }
}

#[test]
fn mismatching_patch_fails() {
    let patch = StateDelta::Patch(parse(
        r#"[{"op":"add","path":"/a","value":1},{"op":"remove","path":"/b/c"}]"#,
    ));
    assert_eq!(patch.apply(None), Err(StateDeltaError::NoState));
    let mismatch = StateDeltaError::Mismatch { operation: 1, pointer: "/b/c".to_owned() };
    assert_eq!(patch.apply(Some(json!({}))), Err(mismatch.clone()));
    assert_eq!(mismatch.to_string(), "operation 1 of the patch does not fit the state at `/b/c`");
    let patch = StateDelta::Patch(parse(r#"[{"op":"grow"}]"#));
    assert!(matches!(patch.apply(Some(json!({}))), Err(StateDeltaError::Malformed(_))));
}

#[test]
fn malformed_delta_fails() {
    for text in ["1", "null", "{}", r#"{"snapshot":1,"more":2}"#, r#"{"Snapshot":1}"#] {
        assert!(
            matches!(StateDelta::from_json(&parse(text)), Err(StateDeltaError::Malformed(_))),
            "{text}"
        );
        assert!(serde_json::from_str::<StateDelta>(text).is_err(), "{text}");
    }
}

#[test]
fn serde_uses_the_stored_form() {
    for change in [
        StateDelta::snapshot(&parse("[1.50]")),
        StateDelta::Patch(parse(r#"[{"op":"remove","path":"/a"}]"#)),
    ] {
        let text = serde_json::to_string(&change).unwrap();
        assert_eq!(text, change.to_json().as_str());
        assert_eq!(serde_json::from_str::<StateDelta>(&text).unwrap(), change);
    }
}

#[test]
fn deepest_state_still_fits_into_a_patch() {
    let nested =
        |inner: &str, rest| format!(r#"[{}"{rest}",{inner}{}]"#, "[".repeat(118), "]".repeat(118));
    let rest = "text ".repeat(100);
    let (old, new) = (nested("1", &rest), nested("[2]", &rest));
    let deepest = crate::json::encode(&parse(&new).to_value()).unwrap();
    assert!(!check(&parse(&old), &deepest).is_snapshot());
    check(&parse("{}"), &deepest);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn folding_any_pair_gives_the_new_state(old in any_json(), new in any_json()) {
        check(&old, &new);
        check(&pretty(&old), &new);
    }

    #[test]
    fn folding_a_slightly_changed_state_gives_the_new_state((old, new) in changed()) {
        check(&old, &new);
        check(&new, &old);
        check(&old, &pretty(&new));
    }
}
