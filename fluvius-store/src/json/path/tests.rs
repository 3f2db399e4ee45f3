use proptest::prelude::*;

use super::*;

fn check(prefix: &str, path: &str, member: Option<&str>) {
    let found = JsonPath::of_prefix(prefix);
    assert_eq!((found.as_str(), found.member()), (path, member), "{prefix}");
}

#[test]
fn incomplete_text_gives_its_path() {
    check("", ".", None);
    check("{", ".", None);
    check(r#"{"a":1,"#, ".", None);
    check(r#"{"a":"#, "a", Some("a"));
    check(r#"{"a":{"b":[1,[],{"c":"x, [{"},"#, "a.b[3]", Some("a"));
    check(r#"[{"a":1},{"b":"#, "[1].b", None);
    check(r#"[[1,2,"#, "[0][2]", None);
    check(r#"{"":{"x":"#, ".x", Some(""));
    check(r#"{"":"#, "", Some(""));
}

#[test]
fn name_with_a_dot_is_one_member() {
    check(r#"{"a.b":"#, "a.b", Some("a.b"));
    check(r#"{"a\u002eb":{"c":"#, "a.b.c", Some("a.b"));
    assert_eq!(JsonPath::from_names(["a.b"]), JsonPath::of_prefix(r#"{"a.b":"#));
}

#[test]
fn format_is_that_of_serde_path_to_error() {
    #[derive(Debug, serde::Deserialize)]
    struct Inner {
        #[serde(rename = "c")]
        _c: u8,
    }
    #[derive(Debug, serde::Deserialize)]
    struct Outer {
        #[serde(rename = "a")]
        _a: Vec<Inner>,
    }
    let text = r#"{"a":[{"c":1},{"c":"x"}]}"#;
    let reader = &mut serde_json::Deserializer::from_str(text);
    let error = serde_path_to_error::deserialize::<_, Outer>(reader).unwrap_err();
    let path = JsonPath::of_tracked(error.path(), text, 0, None);
    assert_eq!(path, JsonPath::of_prefix(r#"{"a":[{"c":1},{"c":"#));
    assert_eq!(path.as_str(), error.path().to_string());
}

#[test]
fn long_path_is_shortened() {
    let name = "n".repeat(400);
    let path = JsonPath::of_prefix(&format!(r#"{{"amount":{{"{name}":"#));
    assert_eq!((path.as_str().len(), path.member()), (excerpt::PATH + 4, Some("amount")));
    assert_eq!(path.pointer(), "/amount");
    let path = JsonPath::of_prefix(&format!(r#"{{"{name}":{{"short":"#));
    assert_eq!((path.as_str().len(), path.member()), (excerpt::PATH + 4, None));
    assert!(path.segments().is_empty() && !path.is_root());
}

#[test]
fn pointer_escapes_names() {
    let path = JsonPath::of_prefix(r#"{"a/b~1":[[],{"":{"."#);
    assert_eq!(path.pointer(), "/a~1b~01/1//.");
    assert_eq!(JsonPath::root().pointer(), "");
    assert_eq!(JsonPath::from_names(["."]).pointer(), "/.");
    assert!(JsonPath::root().is_root() && !JsonPath::from_names(["."]).is_root());
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[expect(dead_code, reason = "read by serde only")]
struct Order {
    first_item: Item,
    more: Vec<Item>,
    counts: std::collections::BTreeMap<u8, u8>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "read by serde only")]
enum Item {
    Weight(u8),
    Size { width: u8 },
    Nothing,
}

fn check_pointer(text: &str, pointer: &str) {
    let error = crate::json::decode::<Order>(text).unwrap_err();
    assert_eq!(error.path().pointer(), pointer, "{error}");
}

#[test]
fn pointer_is_that_of_the_named_field() {
    check_pointer("{}", "/first-item");
    check_pointer(r#"{"first-item":"nothing"}"#, "/more");
    check_pointer(r#"{"more":[{"size":{}}]}"#, "/more/0/size/width");
    check_pointer(r#"{"other":{}}"#, "/other");
    check_pointer(r#"{"more":[],"more":[]}"#, "/more");
    check_pointer(r#"{"more":["nothing",{"weight":"x"}]}"#, "/more/1/weight");
    check_pointer(r#"{"more":["weight"]}"#, "/more/0");
    check_pointer(r#"{"more":[{"colour":1}]}"#, "/more/0");
    check_pointer(r#"{"counts":{"1":1,"2":"x"}}"#, "/counts/2");
    check_pointer("7", "");
}

/// A value whose leaves are `true`.
#[derive(Debug)]
struct Tree;

impl<'de> serde::Deserialize<'de> for Tree {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(Tree)
    }
}

impl<'de> serde::de::Visitor<'de> for Tree {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tree")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while members.next_entry::<String, Self>()?.is_some() {}
        Ok(self)
    }
}

fn trees() -> impl Strategy<Value = Value> {
    let leaf = Just(Value::Bool(true)).boxed();
    leaf.prop_recursive(5, 40, 5, |inner| {
        let name = "[a.\\[\\]/~01\"é\n]{0,4}";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Returns all leaves, in the order of the text.
fn leaves(value: &mut Value) -> Vec<&mut Value> {
    match value {
        Value::Array(items) => items.iter_mut().flat_map(leaves).collect(),
        Value::Object(members) => members.values_mut().flat_map(leaves).collect(),
        leaf => vec![leaf],
    }
}

proptest! {
    #[test]
    fn pointer_finds_a_planted_leaf(mut tree in trees(), at: prop::sample::Index) {
        let mut found = leaves(&mut tree);
        prop_assume!(!found.is_empty());
        let leaf = at.index(found.len());
        *found[leaf] = Value::from(7);
        let text = tree.to_string();
        let error = crate::json::decode::<Tree>(&text).unwrap_err();
        let found = tree.pointer(&error.path().pointer());
        prop_assert_eq!(found, Some(&Value::from(7)), "{}", text);
        // Of an incomplete text, the path is found without a decoder.
        let end = text.find('7').unwrap_or_default();
        let path = JsonPath::of_prefix(&text[..end]);
        prop_assert_eq!(path.pointer(), error.path().pointer());
    }
}
