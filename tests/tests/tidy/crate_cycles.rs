//! No dependency cycle between the crates of the workspace, dev-dependencies included.
//!
//! Cargo rejects a cycle of dependencies and permits one through a dev-dependency. Such a crate is
//! built twice for its own tests, and its types differ from those that the other crate returns.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::graph::{Graph, Use};
use crate::workspace::{Dependency, Member, members};

/// Crates that are in a cycle now. An entry that is in none fails the test.
const CRATES_IN_CYCLES: &[&str] = &[];

#[test]
fn crates_have_no_dependency_cycle() {
    let graph = crate_graph(&members());
    let faults = check(&graph, CRATES_IN_CYCLES);
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn report_of_crates() {
    let graph = crate_graph(&members());
    println!("crates, lowest first:\n{}{}", graph.describe_layers(), check(&graph, &[]));
}

#[test]
fn a_cycle_through_a_dev_dependency_is_found() {
    let members = [
        member("store", &[("kit", "dev-dependency")]),
        member("core", &[("store", "dependency")]),
        member("kit", &[("core", "optional dependency")]),
        member("program", &[("core", "dependency"), ("kit", "dev-dependency")]),
    ];
    let faults = check(&crate_graph(&members), &[]);
    assert!(faults.contains("cycle of 3: core, kit, store"), "{faults}");
    assert!(
        faults.contains("store -> kit: 1 use\n    store/Cargo.toml: dev-dependency"),
        "{faults}"
    );
    assert!(!faults.contains("program"), "{faults}");
}

#[test]
fn a_dev_dependency_on_the_crate_itself_is_found() {
    let graph = crate_graph(&[member("store", &[("store", "dev-dependency")])]);
    assert!(check(&graph, &[]).contains("cycle of 1: store"));
    assert_eq!(check(&graph, &["store"]), "");
}

#[test]
fn a_listed_crate_without_a_cycle_is_reported() {
    let graph = crate_graph(&[member("store", &[]), member("core", &[("store", "dependency")])]);
    assert_eq!(check(&graph, &[]), "");
    assert_eq!(
        check(&graph, &["core"]),
        "core: in no cycle now, remove it from CRATES_IN_CYCLES\n"
    );
}

fn crate_graph(members: &[Member]) -> Graph {
    let mut graph = Graph::default();
    for member in members {
        graph.add_node(&member.name);
        for dependency in &member.dependencies {
            let cause = Use { file: member.manifest.clone(), item: dependency.kind.clone() };
            graph.add_edge(&member.name, &dependency.name, cause, None);
        }
    }
    graph
}

/// Describes each cycle with a crate that is not `listed`, and each listed crate that is in no
/// cycle.
fn check(graph: &Graph, listed: &[&str]) -> String {
    let cycles = graph.cycles();
    let in_cycles: BTreeSet<&str> =
        cycles.iter().flat_map(|cycle| cycle.nodes.iter().map(String::as_str)).collect();
    let mut faults = String::new();
    for cycle in &cycles {
        if cycle.nodes.iter().any(|name| !listed.contains(&name.as_str())) {
            faults.push_str(&graph.describe(cycle, usize::MAX));
        }
    }
    for name in listed.iter().filter(|name| !in_cycles.contains(*name)) {
        writeln!(faults, "{name}: in no cycle now, remove it from CRATES_IN_CYCLES").unwrap();
    }
    faults
}

fn member(name: &str, dependencies: &[(&str, &str)]) -> Member {
    let dependencies = dependencies
        .iter()
        .map(|(name, kind)| Dependency { name: (*name).to_owned(), kind: (*kind).to_owned() });
    Member {
        name: name.to_owned(),
        manifest: format!("{name}/Cargo.toml"),
        roots: Vec::new(),
        dependencies: dependencies.collect(),
    }
}
