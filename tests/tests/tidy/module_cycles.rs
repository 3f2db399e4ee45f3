//! No import cycle between the top-level modules of a crate.

use std::fmt::Write as _;

use crate::import_graph::{ImportGraph, import_graph};
use crate::workspace::{CrateRoot, members};

/// Crates that have import cycles now. An entry without a cycle fails the test.
const CRATES_WITH_CYCLES: &[&str] = &["fluvius-core", "fluvius-postgres", "fluvius-sqlite"];

/// Crates in which a module imports `__private` now. An entry without such an import fails the test.
const CRATES_WITH_PRIVATE_IMPORTS: &[&str] = &["fluvius-core"];

/// Places that a failure lists for each edge of a cycle.
const USES_PER_EDGE: usize = 3;

#[test]
fn top_level_modules_have_no_import_cycle() {
    let faults =
        check(CRATES_WITH_CYCLES, "CRATES_WITH_CYCLES", |found| cycles(found, USES_PER_EDGE));
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn no_module_imports_the_private_export_root() {
    let list = "CRATES_WITH_PRIVATE_IMPORTS";
    let faults = check(CRATES_WITH_PRIVATE_IMPORTS, list, |found| found.private_imports.join("\n"));
    assert!(faults.is_empty(), "{faults}");
}

/// Prints cycles, layers and imports of `__private` of each crate, or of the one that `TIDY_CRATE` names, then with all
/// uses: `TIDY_CRATE=fluvius-core cargo test -p fluvius-tests --test tidy -- --nocapture report`.
#[test]
fn report() {
    let chosen = std::env::var("TIDY_CRATE").ok();
    let max_uses = if chosen.is_some() { usize::MAX } else { USES_PER_EDGE };
    let mut text = String::new();
    for root in crates() {
        if chosen.as_ref().is_some_and(|chosen| *chosen != root.name) {
            continue;
        }
        let found = graph_of(&root);
        let layers = found.graph.describe_layers();
        writeln!(text, "== {} ==\nlayers, lowest first:\n{layers}", root.name).unwrap();
        writeln!(text, "imports of __private: {}", found.private_imports.len()).unwrap();
        for import in &found.private_imports {
            writeln!(text, "  {import}").unwrap();
        }
        writeln!(text, "imports of re-exports of the crate root: {}", found.root_imports.len())
            .unwrap();
        for import in found.root_imports.iter().take(max_uses) {
            writeln!(text, "  {import}").unwrap();
        }
        let cycles = cycles(&found, max_uses);
        writeln!(text, "{}", if cycles.is_empty() { "no cycle\n" } else { &cycles }).unwrap();
    }
    println!("{text}");
}

/// Checks every crate: it has faults exactly if `listed` names it. Returns what is wrong.
fn check(listed: &[&str], list: &str, faults: impl Fn(&ImportGraph) -> String) -> String {
    let roots = crates();
    let mut wrong = String::new();
    for name in listed {
        if !roots.iter().any(|root| root.name == *name) {
            writeln!(wrong, "{name}: no such crate, remove it from {list}").unwrap();
        }
    }
    for root in roots {
        let faults = faults(&graph_of(&root));
        match (faults.is_empty(), listed.contains(&root.name.as_str())) {
            (true, true) => writeln!(wrong, "{}: clean now, remove it from {list}", root.name),
            (false, false) => writeln!(wrong, "{}:\n{faults}", root.name),
            _ => Ok(()),
        }
        .unwrap();
    }
    wrong
}

fn crates() -> Vec<CrateRoot> {
    members().into_iter().flat_map(|member| member.roots).collect()
}

fn graph_of(root: &CrateRoot) -> ImportGraph {
    import_graph(&root.file, &root.sources).unwrap_or_else(|error| panic!("{}: {error}", root.name))
}

fn cycles(found: &ImportGraph, max_uses: usize) -> String {
    let cycles = found.graph.cycles();
    cycles.iter().map(|cycle| found.graph.describe(cycle, max_uses)).collect()
}
