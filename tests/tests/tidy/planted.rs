//! Small crates in memory, with and without a cycle: each way to import is found, and nothing else.

use crate::import_graph::{ImportGraph, SourceFile, import_graph};

/// The crate root of most crates here.
const ROOT: (&str, &str) = ("lib.rs", "mod a; mod b;");

/// `a`, which uses `b`. The content of `b` decides if there is a cycle.
const A: (&str, &str) =
    ("a.rs", "use crate::b::B; pub struct A(B); pub fn make() {} pub mod deep { pub struct D; }");

#[test]
fn a_cycle_over_a_use_is_found() {
    for text in [
        "use crate::a::A; pub struct B;",
        "use crate::a; pub struct B;",
        "use crate::{a::{self as other, deep::D}}; pub struct B;",
        "pub use crate::a::A as Other; pub struct B;",
        "use crate::a::A as _; pub struct B;",
        "pub struct B; fn inner() { use crate::a::make; make(); }",
        "pub struct B; mod inner { use crate::a::A; }",
        "pub struct B; #[cfg(feature = \"x\")] use crate::a::A;",
        "pub struct B; #[cfg(not(test))] use crate::a::A;",
        "pub struct B; #[cfg(any(test, feature = \"x\"))] use crate::a::A;",
    ] {
        assert_cycle(text);
    }
}

#[test]
fn a_cycle_over_a_glob_is_found() {
    assert_cycle("use crate::a::*; pub struct B;");
    assert_cycle("pub struct B; fn inner() { use crate::a::deep::*; }");
    // The name comes from the root, and the root has it from `a`.
    let root = ("lib.rs", "mod a; mod b; pub use a::*;");
    assert_cycle_of(&[root, A, ("b.rs", "use crate::*; pub struct B; fn inner(_: A) {}")]);
    let root = ("lib.rs", "mod a; mod b; mod c; mod d;");
    let c = ("c.rs", "pub use crate::a::*;");
    let b = ("b.rs", "use crate::d::*; pub struct B; fn inner() { make() }");
    let found = graph(&[root, A, c, ("d.rs", "pub use crate::c::*;"), b]);
    assert_eq!(edges(&found), ["a -> b", "b -> a", "b -> d", "c -> a", "d -> c"]);
}

#[test]
fn a_cycle_over_super_is_found() {
    assert_cycle("use super::a::A; pub struct B;");
    assert_cycle("use self::super::a::A; pub struct B;");
    assert_cycle("pub struct B; mod inner { use super::super::a::A; }");
    assert_cycle("pub struct B; mod inner { use super::*; fn f() { super::super::a::make() } }");
    let deep = ("b/deep/deeper.rs", "use super::super::super::a::A;");
    let b = ("b/mod.rs", "pub struct B; mod deep;");
    assert_cycle_of(&[ROOT, A, b, ("b/deep.rs", "mod deeper;"), deep]);
}

#[test]
fn a_cycle_over_an_inline_path_is_found() {
    for text in [
        "pub struct B; fn f() { crate::a::make() }",
        "pub struct B; fn f() { let _ = super::a::make; }",
        "pub struct B(Vec<crate::a::A>);",
        "pub struct B; impl B where crate::a::A: Sized {}",
        "pub struct B; fn f(b: B) { match b { crate::a::A(_) => {} } }",
        "pub struct B; fn f() { <crate::a::A as Clone>::clone() }",
        "pub struct B; impl From<crate::a::A> for B {}",
        "#[derive(crate::a::Derived)] pub struct B;",
        "pub struct B { #[serde(with = \"crate::a::deep\")] b: u8 }",
        "pub struct B { #[check(crate::a::make())] b: u8 }",
        "pub struct B { b: [u8; crate::a::SIZE] }",
        // A name that only a macro call in `a` defines.
        "pub struct B; fn f() { crate::a::Generated::new() }",
    ] {
        assert_cycle(text);
    }
    let root = ("lib.rs", "extern crate self as own; mod a; mod b;");
    assert_cycle_of(&[root, A, ("b.rs", "pub struct B; fn f() { own::a::make() }")]);
    assert_cycle_of(&[root, A, ("b.rs", "pub struct B; fn f() { ::own::a::make() }")]);
}

#[test]
fn a_cycle_over_a_macro_is_found() {
    for text in [
        "pub struct B; macro_rules! local { () => { crate::a::make() } }",
        "pub struct B; #[macro_export] macro_rules! shared { ($x:ty) => { $crate::a::make::<$x>() \
        } }",
        "pub struct B; macro_rules! uses { () => { use $crate::{a::A, b::B}; } }",
        "pub struct B; fn f() { println!(\"{}\", crate::a::make()) }",
        "pub struct B; fn f() { println!(\"{}\", [super::a::make()]) }",
        "pub struct B; generate! { use crate::a::A; }",
        "pub struct B; fn f() { crate::a::generated!() }",
    ] {
        assert_cycle(text);
    }
    // A macro is at the root by name, and in `a` by its text.
    let a = ("a.rs", "use crate::b::B; #[macro_export] macro_rules! of_a { () => {} }");
    assert_cycle_of(&[ROOT, a, ("b.rs", "pub struct B; fn f() { crate::of_a!() }")]);
    assert_cycle_of(&[ROOT, a, ("b.rs", "pub struct B; fn f() { vec![crate::of_a!()] }")]);
    assert_cycle_of(&[ROOT, a, ("b.rs", "pub struct B; use crate::of_a as of_b;")]);
    let root = ("lib.rs", "#[macro_use] mod a; mod b;");
    let a = ("a.rs", "use crate::b::B; macro_rules! of_a { () => {} }");
    assert_cycle_of(&[root, a, ("b.rs", "pub struct B; fn f() { of_a!() }")]);
    let a = ("a.rs", "use crate::b::B; macro_rules! of_a { () => {} } pub(crate) use of_a;");
    assert_cycle_of(&[ROOT, a, ("b.rs", "pub struct B; fn f() { crate::a::of_a!() }")]);
}

#[test]
fn a_cycle_over_a_re_export_is_found() {
    let root = ("lib.rs", "mod a; mod b; pub use a::A; pub use self::a::make as renamed;");
    assert_cycle_of(&[root, A, ("b.rs", "use crate::A; pub struct B;")]);
    assert_cycle_of(&[root, A, ("b.rs", "pub struct B; fn f() { crate::renamed() }")]);

    // The edge is from `b` to `a`, which defines the item; `c` only passes it on.
    let root = ("lib.rs", "mod a; mod b; mod c;");
    let c = ("c/mod.rs", "pub use crate::a::deep as below; pub(crate) use below::D;");
    for text in ["use crate::c::D; pub struct B;", "use crate::c::below::D; pub struct B;"] {
        let found = assert_cycle_of(&[root, A, c, ("b.rs", text)]);
        assert_eq!(edges(&found), ["a -> b", "b -> a", "c -> a"]);
    }
    let b = ("b.rs", "use crate::c; pub struct B; fn f(_: c::D) {}");
    assert_eq!(edges(&graph(&[root, A, c, b])), ["a -> b", "b -> a", "b -> c", "c -> a"]);
}

#[test]
fn a_cycle_over_a_re_export_of_another_crate_is_found() {
    let a = ("a.rs", "use crate::b::B; pub use tokio::sync::oneshot; pub(crate) use serde;");
    for text in [
        "pub struct B; use crate::a::oneshot;",
        "pub struct B; fn f() { crate::a::oneshot::channel() }",
        "pub struct B; use crate::a::serde::Serialize;",
    ] {
        assert_cycle_of(&[ROOT, a, ("b.rs", text)]);
    }
    // A feature decides if the name is of `a` or of `c`.
    let root = ("lib.rs", "mod a; mod b; mod c;");
    let a = ("a.rs", "#[cfg(x)] pub use crate::c::Lock; #[cfg(not(x))] pub use std::sync::Lock;");
    let found = graph(&[root, a, ("b.rs", "use crate::a::Lock;"), ("c.rs", "pub struct Lock;")]);
    assert_eq!(edges(&found), ["a -> c", "b -> a", "b -> c"]);
}

#[test]
fn a_cycle_over_three_modules_is_found_once() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d; mod e; mod f;"),
        ("a.rs", "use crate::b; use crate::d;"),
        ("b.rs", "use crate::c;"),
        ("c.rs", "use crate::a; use crate::e;"),
        ("d.rs", ""),
        ("e.rs", "use crate::f;"),
        ("f.rs", "use crate::e;"),
    ];
    let found = graph(&files);
    assert_eq!(cycles(&found), ["a b c", "e f"]);
    let layers = found.graph.layers();
    let layers: Vec<String> = layers.into_iter().map(|layer| joined(&layer)).collect();
    assert_eq!(layers, ["d e f", "a b c"]);
}

#[test]
fn a_report_names_file_line_and_item() {
    let b = ("b/mod.rs", "pub struct B;\nmod inner;");
    let inner =
        ("b/inner.rs", "use crate::a::{\n    A,\n    deep::D,\n};\nfn f(_: crate::a::A) {}");
    let found = graph(&[ROOT, A, b, inner]);
    let text = found.graph.describe(&found.graph.cycles()[0], 2);
    let expected = [
        "cycle of 2: a, b",
        "  a -> b: 1 use",
        "    a.rs:1: b::B",
        "  b -> a: 2 uses",
        "    b/inner.rs:2: a::A",
        "    b/inner.rs:3: a::deep::D",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn test_code_makes_no_cycle() {
    for text in [
        "pub struct B; #[cfg(test)] use crate::a::A;",
        "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }",
        // A file that is missing: test code is not read.
        "pub struct B; #[cfg(test)] mod tests;",
        "pub struct B; #[cfg(all(test, feature = \"x\"))] fn f() { crate::a::make() }",
        "pub struct B; #[test] fn f() { crate::a::make() }",
        "pub struct B; #[cfg(test)] macro_rules! m { () => { $crate::a::make() } }",
        "pub struct B; impl B { #[cfg(test)] fn f() { crate::a::make() } }",
        "pub struct B { #[cfg(test)] a: crate::a::A }",
        "pub struct B; fn f() { #[cfg(test)] crate::a::make(); }",
        "pub struct B; fn f() { #[cfg(test)] let a = crate::a::make(); #[cfg(test)] { \
        crate::a::make() } }",
        "#![cfg(test)] use crate::a::A;",
    ] {
        assert_no_cycle(text);
    }
}

#[test]
fn text_makes_no_cycle() {
    for text in [
        "/// See [`A`](crate::a::A).\npub struct B; // crate::a::A",
        "#[doc = \"crate::a::A\"] pub struct B;",
        "pub struct B; fn f() { let _ = \"crate::a::A\"; println!(\"crate::a::make\"); }",
        "pub struct B; pub(in crate::b) fn f() {}",
    ] {
        assert_no_cycle(text);
    }
}

#[test]
fn names_of_other_scopes_make_no_cycle() {
    for text in [
        "pub struct B; fn f(a: u8) -> u8 { a }",
        "pub struct B; use ::a::A;",
        "pub struct B; use a::A; fn f() { a::make() }",
        "pub struct B; use self::a::A; mod a { pub struct A; }",
        "pub struct B; mod inner { use super::a::A; } mod a { pub struct A; }",
        "pub struct B; fn f() { struct A; let _ = A; }",
        "pub struct B; fn f() { quote!(crate::a::make()) }",
    ] {
        assert_no_cycle(text);
    }
}

#[test]
fn an_export_root_makes_no_cycle() {
    let root = ("lib.rs", "mod a; mod b; pub mod __private; pub use a::A; pub use b::B;");
    let private =
        ("__private.rs", "pub use crate::{a::A, b::B}; pub mod more { pub use crate::a::make; }");
    let b =
        ("b.rs", "pub struct B; #[macro_export] macro_rules! m { () => { $crate::__private::B } }");
    let found =
        graph(&[root, ("a.rs", "use crate::B; pub struct A(B); pub fn make() {}"), private, b]);
    assert_eq!(edges(&found), ["a -> b"]);
    assert_eq!(found.root_imports, ["a.rs:1: b::B"]);
    assert!(found.private_imports.is_empty(), "{:?}", found.private_imports);
}

#[test]
fn an_import_of_the_private_export_root_is_reported() {
    let root = ("lib.rs", "mod a; mod b; #[path = \"private.rs\"] pub mod __private;");
    let private = ("private.rs", "pub use crate::a::A; pub fn helper() { crate::b::B }");
    for (text, item) in [
        ("use crate::__private::A; pub struct B;", "A"),
        ("pub struct B; fn f() { super::__private::A }", "A"),
        ("pub struct B; fn f() { vec![crate::__private::A] }", "A"),
        ("pub struct B; use crate::__private;", "__private"),
        ("pub struct B; use crate::__private::*;", "__private"),
        ("pub struct B; use crate::__private::helper;", "helper"),
        ("pub struct B; macro_rules! own { () => { $crate::__private::A } }", "A"),
    ] {
        let found = graph(&[root, ("a.rs", "pub struct A;"), private, ("b.rs", text)]);
        assert_eq!(found.private_imports, [format!("b.rs:1: {item}")], "{text}");
    }
    // Code in the export root is code like any other.
    let b = ("b.rs", "pub struct B; use crate::__private::helper;");
    let found = graph(&[root, ("a.rs", "pub struct A;"), private, b]);
    assert_eq!(cycles(&found), ["__private b"]);
}

#[test]
fn code_in_the_crate_root_is_a_node() {
    let root = ("lib.rs", "mod a; mod b; use a::A; pub fn run(_: A) { b::go() }");
    let found = graph(&[root, ("a.rs", "pub struct A;"), ("b.rs", "pub fn go() {}")]);
    assert_eq!(edges(&found), ["crate -> a", "crate -> b"]);
    let found = graph(&[root, ("a.rs", "pub struct A;"), ("b.rs", "pub fn go() { crate::run() }")]);
    assert_eq!(cycles(&found), ["b crate"]);
}

#[test]
fn files_are_found_as_the_compiler_finds_them() {
    let files = [
        (
            "main.rs",
            "mod a; #[path = \"other/place.rs\"] mod b; mod c { mod inner; pub struct C; }",
        ),
        ("a/mod.rs", "mod deep;"),
        ("a/deep.rs", "mod deeper;"),
        ("a/deep/deeper.rs", "use crate::b;"),
        ("other/place.rs", "mod beside;"),
        ("other/beside.rs", "use crate::c::C;"),
        ("c/inner.rs", "use crate::a;"),
        ("reached_by_none.rs", "this is no Rust"),
    ];
    assert_eq!(cycles(&graph_from("main.rs", &files).unwrap()), ["a b c"]);
}

#[test]
fn a_missing_or_broken_file_is_an_error() {
    let error = graph_from("lib.rs", &[ROOT, A]).unwrap_err();
    assert_eq!(error, "b/mod.rs: no such file");
    let error = graph_from("lib.rs", &[ROOT, A, ("b.rs", "\nstruct;")]).unwrap_err();
    assert!(error.starts_with("b.rs:2: "), "{error}");
}

/// Asserts that `a` and `b` are a cycle if `b` has this text.
#[track_caller]
fn assert_cycle(text: &str) {
    assert_cycle_of(&[ROOT, A, ("b.rs", text)]);
}

/// Asserts that `a` and `b`, and no other modules, are a cycle.
#[track_caller]
fn assert_cycle_of(files: &[(&str, &str)]) -> ImportGraph {
    let found = graph(files);
    assert_eq!(cycles(&found), ["a b"], "{files:#?}");
    found
}

/// Asserts that the only edge is the one from `a` to `b`.
#[track_caller]
fn assert_no_cycle(text: &str) {
    assert_eq!(edges(&graph(&[ROOT, A, ("b.rs", text)])), ["a -> b"], "{text}");
}

#[track_caller]
fn graph(files: &[(&str, &str)]) -> ImportGraph {
    graph_from("lib.rs", files).unwrap()
}

fn graph_from(root: &str, files: &[(&str, &str)]) -> Result<ImportGraph, String> {
    let files: Vec<SourceFile> = files
        .iter()
        .map(|(path, text)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() })
        .collect();
    import_graph(root, &files)
}

fn cycles(found: &ImportGraph) -> Vec<String> {
    found.graph.cycles().iter().map(|cycle| joined(&cycle.nodes)).collect()
}

fn edges(found: &ImportGraph) -> Vec<String> {
    let graph = &found.graph;
    graph
        .nodes()
        .flat_map(|from| graph.uses(from).map(move |to| format!("{from} -> {to}")))
        .collect()
}

fn joined<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}
