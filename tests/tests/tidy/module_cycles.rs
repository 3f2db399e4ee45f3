//! No import cycle between the top-level modules of a crate.

use std::fmt::Write as _;
use std::sync::OnceLock;

use crate::import_graph::{ImportGraph, import_graph};
use crate::workspace::members;

/// Crates that have import cycles now. An entry without a cycle fails the test.
const CRATES_WITH_CYCLES: &[&str] = &[];

/// Crates in which a module imports `__private` now. An entry without such an import fails the
/// test.
const CRATES_WITH_PRIVATE_IMPORTS: &[&str] = &[];

/// Places that a failure lists for each edge of a cycle.
const USES_PER_EDGE: usize = 3;

#[test]
fn top_level_modules_have_no_import_cycle() {
    let faults = faults_of_crates(|found| cycles(found, USES_PER_EDGE));
    let wrong = check(&faults, CRATES_WITH_CYCLES, "CRATES_WITH_CYCLES");
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_module_imports_the_private_export_root() {
    let faults = faults_of_crates(|found| found.private_imports.join("\n"));
    let wrong = check(&faults, CRATES_WITH_PRIVATE_IMPORTS, "CRATES_WITH_PRIVATE_IMPORTS");
    assert!(wrong.is_empty(), "{wrong}");
}

/// Prints cycles, layers and imports of `__private` of each crate, or of the one that `TIDY_CRATE`
/// names, then with all uses:
/// `TIDY_CRATE=fluvius-core cargo test -p fluvius-tests --test tidy -- --nocapture report`.
#[test]
fn report() {
    let chosen = std::env::var("TIDY_CRATE").ok();
    let max_uses = if chosen.is_some() { usize::MAX } else { USES_PER_EDGE };
    let mut text = String::new();
    for (name, found) in crates() {
        if chosen.as_ref().is_none_or(|chosen| chosen == name) {
            let layers = found.graph.describe_layers();
            writeln!(text, "== {name} ==\nlayers, lowest first:\n{layers}").unwrap();
            list(&mut text, "imports of __private", &found.private_imports, usize::MAX);
            list(
                &mut text,
                "imports of re-exports of the crate root",
                &found.root_imports,
                max_uses,
            );
            let cycles = cycles(found, max_uses);
            writeln!(text, "{}", if cycles.is_empty() { "no cycle\n" } else { &cycles }).unwrap();
        }
    }
    assert!(!text.is_empty(), "the workspace has no crate {chosen:?}");
    println!("{text}");
}

#[test]
fn a_crate_has_faults_exactly_if_it_is_listed() {
    let faults = [("clean", String::new()), ("faulty", "a fault".to_owned())];
    assert_eq!(check(&faults, &["faulty"], "LIST"), "");
    assert_eq!(check(&faults, &[], "LIST"), "faulty:\na fault\n");
    let wrong = "clean: no faults now, remove it from LIST\n";
    assert_eq!(check(&faults, &["clean", "faulty"], "LIST"), wrong);
    let wrong = "missing: no such crate, remove it from LIST\n";
    assert_eq!(check(&faults, &["faulty", "missing"], "LIST"), wrong);
}

/// Returns what is wrong: faults of crates that are not in the list, and entries of the list
/// without faults.
fn check(faults: &[(&str, String)], listed: &[&str], list: &str) -> String {
    let mut wrong = String::new();
    for (name, faults) in faults {
        if !faults.is_empty() && !listed.contains(name) {
            writeln!(wrong, "{name}:\n{faults}").unwrap();
        }
    }
    for name in listed {
        match faults.iter().find(|(of, _)| of == name) {
            Some((_, faults)) if faults.is_empty() => {
                writeln!(wrong, "{name}: no faults now, remove it from {list}").unwrap();
            }
            Some(_) => {}
            None => writeln!(wrong, "{name}: no such crate, remove it from {list}").unwrap(),
        }
    }
    wrong
}

fn faults_of_crates(faults: impl Fn(&ImportGraph) -> String) -> Vec<(&'static str, String)> {
    crates().iter().map(|(name, found)| (name.as_str(), faults(found))).collect()
}

/// The libraries and binaries of the workspace by name, each parsed once.
fn crates() -> &'static [(String, ImportGraph)] {
    static CRATES: OnceLock<Vec<(String, ImportGraph)>> = OnceLock::new();
    CRATES.get_or_init(|| {
        let roots = members().into_iter().flat_map(|member| member.roots);
        let parsed = roots.map(|root| {
            let found = import_graph(&root.file, &root.sources);
            let found = found.unwrap_or_else(|error| panic!("{}: {error}", root.name));
            (root.name, found)
        });
        parsed.collect()
    })
}

fn cycles(found: &ImportGraph, max_uses: usize) -> String {
    let cycles = found.graph.cycles();
    cycles.iter().map(|cycle| found.graph.describe(cycle, max_uses)).collect()
}

fn list(text: &mut String, title: &str, entries: &[String], max_entries: usize) {
    writeln!(text, "{title}: {}", entries.len()).unwrap();
    for entry in entries.iter().take(max_entries) {
        writeln!(text, "  {entry}").unwrap();
    }
}
