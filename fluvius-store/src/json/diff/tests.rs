use super::*;

fn check(old: &str, new: &str, expected: &str) {
    assert_eq!(patch(old, new).as_str(), expected);
}

#[test]
fn members_are_patched_in_key_order() {
    check(
        r#"{"b":"text long enough that replacing all is longer","c":{"x":1,"y":[1,2,3,4,5,6,7,8,9,10]},"d":"gone"}"#,
        r#"{"a":true,"b":"text long enough that replacing all is longer","c":{"x":2,"y":[1,2,3,4,5,6,7,8,9,10]}}"#,
        r#"[{"op":"add","path":"/a","value":true},{"op":"replace","path":"/c/x","value":2},{"op":"remove","path":"/d"}]"#,
    );
}

#[test]
fn equal_value_in_another_spelling_makes_no_operation() {
    check(r#"{"a":true,"b":["A"],"c":{}}"#, r#"{ "c": { }, "b":["\u0041"], "a":true }"#, "[]");
    // With `arbitrary_precision`, two spellings of a number are two values; both results are
    // correct.
    let number = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
    for (old, new) in [("10.5", "10.50"), ("1e2", "100.0")] {
        assert_eq!(patch(old, new).as_str() == "[]", number(old) == number(new));
    }
}

#[test]
fn similar_but_different_scalars_are_replaced() {
    for (old, new) in
        [("1", "1.0"), ("0.0", "-0.0"), ("\"1\"", "1"), ("null", "false"), ("\"a\"", "\"b\"")]
    {
        check(old, new, &format!(r#"[{{"op":"replace","path":"","value":{new}}}]"#));
    }
}

#[test]
fn last_of_duplicate_keys_counts() {
    let text = "long enough that replacing the whole is longer than one operation";
    let old = format!(r#"{{"a":1,"a":2,"t":"{text}"}}"#);
    for new in [r#"{"a":5,"a":2"#, r#"{"a":1,"a":6"#, r#"{"a":5,"a":6"#, r#"{"a":2,"a":1"#] {
        let new = format!(r#"{new},"t":"{text}"}}"#);
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let mut state = value(&old);
        let operations: json_patch::Patch = patch(&old, &new).decode().unwrap();
        json_patch::patch(&mut state, &operations).unwrap();
        assert_eq!(state, value(&new), "{new}");
    }
}

/// Checks the peak size of the patch buffer, which never shrinks.
fn check_bounded(old: &str, new: &str) {
    let mut differ = Differ::new();
    differ.patch.push('[');
    differ.value(old, new);
    let bound = 4 * (old.len().max(new.len()) + 100);
    assert!(differ.patch.capacity() <= bound, "{} > {bound}", differ.patch.capacity());
    assert!(differ.patch.len() <= new.len() + 60, "{} {}", differ.patch.len(), new.len());
}

#[test]
fn patch_is_no_longer_than_replacing_the_whole() {
    let key = "k".repeat(10_000);
    let numbers = |from: u32| (from..from + 2_000).map(|at| at.to_string()).collect::<Vec<_>>();
    let list = |from: u32| format!(r#"{{"{key}":[{}]}}"#, numbers(from).join(","));
    check_bounded(&list(10_000), &list(50_000));
    let members = |from: u32| {
        let members: Vec<_> = numbers(from)
            .iter()
            .enumerate()
            .map(|(at, value)| format!(r#""{at}":{value}"#))
            .collect();
        format!(r#"{{"{key}":{{"{key}":{{{}}}}}}}"#, members.join(","))
    };
    check_bounded(&members(10_000), &members(50_000));
    // All elements removed, all added, and nested lists.
    check_bounded(&list(10_000), &format!(r#"{{"{key}":[]}}"#));
    check_bounded(&format!(r#"{{"{key}":[]}}"#), &list(10_000));
    let nested = |from: u32| format!(r#"{{"{key}":[[{}]]}}"#, numbers(from).join("],["));
    check_bounded(&nested(10_000), &nested(50_000));
}

#[test]
fn pointer_escapes_tilde_slash_and_quote() {
    check(
        r#"{"a/b":{"~":{"":{"\"":1,"long":"enough that replacing all is longer than this one"}}}}"#,
        r#"{"a/b":{"~":{"":{"\"":2,"long":"enough that replacing all is longer than this one"}}}}"#,
        r#"[{"op":"replace","path":"/a~1b/~0//\"","value":2}]"#,
    );
}

#[test]
fn mostly_changed_value_is_replaced() {
    check(
        r#"{"keep":"some text that is long enough","a":{"x":1,"y":2,"z":3}}"#,
        r#"{"keep":"some text that is long enough","a":{"x":4,"y":5,"z":6}}"#,
        r#"[{"op":"replace","path":"/a","value":{"x":4,"y":5,"z":6}}]"#,
    );
}

#[test]
fn list_elements_are_removed_and_added_in_place() {
    check(
        r#"["one","two","three","four"]"#,
        r#"["two","three","four","five"]"#,
        r#"[{"op":"replace","path":"","value":["two","three","four","five"]}]"#,
    );
    let list = |from: usize| {
        format!("[{}]", (from..from + 50).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(","))
    };
    check(
        &list(0),
        &list(1),
        r#"[{"op":"remove","path":"/0"},{"op":"add","path":"/49","value":"50"}]"#,
    );
    check(
        &list(1),
        &list(0),
        r#"[{"op":"add","path":"/0","value":"0"},{"op":"remove","path":"/50"}]"#,
    );
}
