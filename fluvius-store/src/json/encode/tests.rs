use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;
use serde_json::value::RawValue;

use super::*;

#[derive(Debug, Serialize)]
struct Unit;

#[derive(Debug, Serialize)]
struct Newtype(u8);

#[derive(Debug, Serialize)]
struct Pair(u8, Option<&'static str>);

#[derive(Debug, Serialize)]
enum Shape {
    Unit,
    Newtype(f64),
    Tuple(u8, f32),
    Struct { a: u8, b: () },
}

#[derive(Debug, Serialize)]
struct Account<'a> {
    account_number: &'a str,
    balance: Decimal,
    history: Vec<BTreeMap<&'a str, f64>>,
}

/// Checks that a value is encoded as serde_json encodes it.
fn check<T: Serialize + ?Sized>(value: &T) {
    assert_eq!(encode(value).unwrap().as_str(), serde_json::to_string(value).unwrap());
}

fn check_error<T: Serialize + ?Sized>(value: &T, path: &str, message: &str) {
    let error = encode(value).unwrap_err();
    assert_eq!(error.path(), path, "{error}");
    assert!(error.message().contains(message), "{error}");
}

#[test]
fn every_shape_is_encoded_as_by_serde_json() {
    check(&(Unit, Newtype(1), Pair(2, None), Pair(3, Some("é\"\n"))));
    check(&[
        Shape::Unit,
        Shape::Newtype(1e-7),
        Shape::Tuple(1, 0.1),
        Shape::Struct { a: 1, b: () },
    ]);
    check(&(Vec::<u8>::new(), BTreeMap::<String, u8>::new(), [0_u8; 0], Some([(); 2])));
    check(&(i8::MIN, i16::MIN, i32::MIN, i64::MIN, u8::MAX, u16::MAX, u32::MAX, u64::MAX));
    check(&(
        i128::from(i64::MIN),
        i128::from(u64::MAX),
        u128::from(u64::MAX),
        true,
        'x',
        f32::MIN,
        -0.0,
    ));
    check(&BTreeMap::from([(1_u8, BTreeMap::from([('a', 1), ('b', 2)])), (2, BTreeMap::new())]));
    check(&BTreeMap::from([((), 1)].map(|(_, value)| (true, value))));
    check(&Decimal::new(1050, 2));
    check("text with $ and \\ and \u{1}");
    check(&json!({"a": [1, 2.5, null, {"b": "c"}], "": {}}));
}

#[test]
fn non_finite_float_fails_with_its_path() {
    let account = |value| Account {
        account_number: "1",
        balance: Decimal::ONE,
        history: vec![BTreeMap::from([("a", 1.0)]), BTreeMap::from([("a", 1.0), ("b", value)])],
    };
    check(&account(2.0));
    check_error(&account(f64::NAN), "history[1].b", "not finite");
    check_error(&account(f64::INFINITY), "history[1].b", "not finite");
    check_error(&f32::NEG_INFINITY, ".", "not finite");
    check_error(&Shape::Newtype(f64::NAN), "Newtype", "not finite");
    check_error(&Shape::Tuple(1, f32::NAN), "Tuple[1]", "not finite");
}

#[test]
fn integer_of_more_than_64_bits_fails() {
    check_error(&[i128::from(i64::MIN) - 1], "[0]", "write it as a string");
    check_error(&[0, u128::from(u64::MAX) + 1], "[1]", "write it as a string");
}

#[test]
fn nul_in_strings_and_keys_fails() {
    check_error(&BTreeMap::from([("a", "x\0")]), "a", "U+0000");
    check_error(&[BTreeMap::from([("x\0", 1)])], "[0]", "U+0000");
    check_error(&["", "\0"], "[1]", "U+0000");
    check_error(&'\0', ".", "U+0000");
    check("\\u0000");
}

#[test]
fn non_string_key_fails_at_its_map() {
    check_error(&[BTreeMap::from([(vec![1], 1)])], "[0]", "key must be a string");
    check_error(
        &BTreeMap::from([("a", BTreeMap::from([(Some([1]), 1)]))]),
        "a",
        "key must be a string",
    );
}

#[test]
fn reserved_key_fails() {
    check_error(&BTreeMap::from([("$serde_json::private::RawValue", "[1")]), ".", "begins with");
}

#[test]
fn more_than_120_levels_fail() {
    let nested = |levels| (1..levels).fold(json!([]), |inner, _| json!([inner]));
    check(&nested(120));
    let error = encode(&nested(121)).unwrap_err();
    assert_eq!(error.message(), DEPTH);
    let raw = RawValue::from_string(nested(119).to_string()).unwrap();
    check(&[&raw]);
    assert_eq!(encode(&[[&raw]]).unwrap_err().message(), DEPTH);
}

#[test]
fn raw_value_is_written_verbatim_and_validated() {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    check(&[raw("1.50"), raw("{\"a\": [ ]}")]);
    check(&BTreeMap::from([("a", raw("null")), ("b", raw("\"\""))]));
    assert_eq!(encode(&(raw("[1]"), "x")).unwrap().as_str(), r#"[[1],"x"]"#);
    check_error(&BTreeMap::from([("a", raw("[1,1e999]"))]), "a[1]", "send it as a string");
    check_error(&[raw(r#""\u0000""#)], "[0]", "U+0000");
}

#[test]
fn fake_raw_value_fails() {
    #[derive(Serialize)]
    #[serde(rename = "$serde_json::private::RawValue")]
    struct Pretended {
        #[serde(rename = "$serde_json::private::RawValue")]
        text: &'static str,
    }
    check_error(&[Pretended { text: "1,[" }], ".", "at line 1");
}

#[test]
fn error_of_a_value_is_reported_with_its_path() {
    struct Objecting;
    impl Serialize for Objecting {
        fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("no"))
        }
    }
    let error = encode(&BTreeMap::from([("a", [Objecting])])).unwrap_err();
    assert_eq!(error.to_string(), "no at `a[0]`");
}

proptest! {
    #[test]
    fn encoded_value_round_trips(
            texts in proptest::collection::btree_map(
            "\\PC{0,5}|[\\\\\"$\u{1}]{0,3}", any::<i64>(), 0..5,
        ),
            text in ".{0,9}",
        ) {
        let value = json!({"texts": texts, "text": text.replace('\0', "")});
        let json = encode(&value).unwrap();
        prop_assert_eq!(json.as_str(), serde_json::to_string(&value).unwrap());
        prop_assert_eq!(json.to_value(), value);
        prop_assert_eq!(Json::parse(json.as_str()), Ok(json));
    }
}
