//! Modules of `fluvius-core` that do not use certain modules of `fluvius-store`.
//!
//! The layers of each crate cannot state this, since the modules are of two crates.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::import_graph::{CRATE_ROOT, SourceFile, defining_modules, import_graph};
use crate::workspace::{CrateRoot, members};

/// Modules of `fluvius-core`, and the modules of `fluvius-store` that they do not use.
const ABSENCES: &[(&str, &[&str])] =
    &[("scheduler", &["store", "query"]), ("model", &["store", "unit_of_work"])];

/// Modules of `fluvius-store`, and the only modules of `fluvius-core` that use them.
const ONLY_USERS: &[(&str, &[&str])] =
    &[("dyn_store", &["states", "processor", "domain", "subscriptions"])];

#[test]
fn core_uses_only_its_parts_of_the_store_contract() {
    let roots: Vec<CrateRoot> = members().into_iter().flat_map(|member| member.roots).collect();
    let root = |name: &str| roots.iter().find(|root| root.name == name);
    let faults = match (root("fluvius-core"), root("fluvius-store")) {
        (Some(core), Some(store)) => {
            faults((&core.file, &core.sources), (&store.file, &store.sources))
        }
        _ => "the workspace lacks fluvius-core or fluvius-store".to_owned(),
    };
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn a_use_of_an_absent_module_is_reported() {
    let scheduler = "use fluvius_store::Lease; use fluvius_store as contract; fn f(_: \
        contract::query::Filter) {}";
    let faults = planted(&[("scheduler.rs", scheduler), ("model.rs", "use crate::Unit;")]);
    let expected = [
        "scheduler.rs:1: scheduler uses fluvius_store::query::Filter of `query`",
        // Re-exports are followed, in both crates.
        "model.rs:1: model uses fluvius_store::Unit of `unit_of_work`",
    ];
    assert_eq!(faults.lines().collect::<BTreeSet<_>>(), BTreeSet::from(expected));
    let faults = planted(&[("scheduler.rs", "use fluvius_store::*;")]);
    assert_eq!(faults, "scheduler.rs:1: scheduler uses fluvius_store::*, name the items\n");
}

#[test]
fn only_named_modules_use_the_erased_store() {
    let text = "use fluvius_store::DynStore;";
    assert_eq!(planted(&[("processor.rs", text), ("domain.rs", text), ("states.rs", text)]), "");
    let expected = "scheduler.rs:1: scheduler uses fluvius_store::DynStore of `dyn_store`\n";
    assert_eq!(planted(&[("scheduler.rs", text)]), expected);
}

#[test]
fn a_module_that_is_gone_is_reported() {
    let core =
        [file("lib.rs", "mod model; mod states; mod processor; mod domain; mod subscriptions;")];
    let others = ["model.rs", "states.rs", "processor.rs", "domain.rs", "subscriptions.rs"]
        .map(|path| file(path, ""));
    let core: Vec<SourceFile> = core.into_iter().chain(others).collect();
    let faults = faults(("lib.rs", &core), ("lib.rs", &planted_store()));
    assert_eq!(faults, "scheduler: no such module of fluvius-core\n");
}

/// Describes the uses that [`ABSENCES`] and [`ONLY_USERS`] exclude, and their modules that do not
/// exist.
fn faults(core: (&str, &[SourceFile]), store: (&str, &[SourceFile])) -> String {
    let found = import_graph(core.0, core.1).unwrap();
    let store_graph = import_graph(store.0, store.1).unwrap().graph;
    let mut faults = String::new();

    let users = ABSENCES.iter().map(|(user, _)| user);
    let users = users.chain(ONLY_USERS.iter().flat_map(|(_, users)| *users));
    let used = ABSENCES.iter().flat_map(|(_, used)| *used);
    let used = used.chain(ONLY_USERS.iter().map(|(used, _)| used));
    for (crate_, graph, named) in [
        ("fluvius-core", &found.graph, users.collect::<BTreeSet<_>>()),
        ("fluvius-store", &store_graph, used.collect()),
    ] {
        for module in named {
            if !graph.nodes().any(|node| node == *module) {
                writeln!(faults, "{module}: no such module of {crate_}").unwrap();
            }
        }
    }

    let mut uses = found.foreign_uses;
    uses.retain(|foreign| foreign.path[0] == "fluvius_store");
    let paths: Vec<&[String]> = uses.iter().map(|foreign| foreign.path.as_slice()).collect();
    let homes = defining_modules(store.0, store.1, &paths).unwrap();
    // The first line of each fault in a file.
    let mut listed: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut add = |file, line, fault| {
        let first = listed.entry((file, fault)).or_insert(line);
        *first = line.min(*first);
    };
    for (foreign, homes) in uses.iter().zip(homes) {
        let (file, line, module) = (foreign.file.as_str(), foreign.line, &foreign.module);
        let path = foreign.path.join("::");
        let is_checked = ABSENCES.iter().any(|(user, _)| user == module);
        if is_checked && foreign.path.len() == 2 && foreign.path[1] == "*" {
            add(file, line, format!("{module} uses {path}, name the items"));
        }
        for home in homes.iter().filter(|home| is_excluded(module, home)) {
            add(file, line, format!("{module} uses {path} of `{home}`"));
        }
    }
    for ((file, fault), line) in listed {
        writeln!(faults, "{file}:{line}: {fault}").unwrap();
    }
    faults
}

/// Tells if `user`, a module of `fluvius-core`, must not use `used`, a module of `fluvius-store`.
/// The crate root has re-exports only.
fn is_excluded(user: &str, used: &str) -> bool {
    let is_absent = |(of, absent): &(&str, &[&str])| *of == user && absent.contains(&used);
    let is_no_user = |(of, users): &(&str, &[&str])| *of == used && !users.contains(&user);
    user != CRATE_ROOT && (ABSENCES.iter().any(is_absent) || ONLY_USERS.iter().any(is_no_user))
}

/// Checks a small `fluvius-core` with these files; the other modules are empty.
fn planted(files: &[(&str, &str)]) -> String {
    let modules = ["model", "scheduler", "states", "processor", "domain", "subscriptions"];
    let text = "mod model; mod scheduler; mod states; mod processor; mod domain; \
        mod subscriptions; pub use fluvius_store::Unit;";
    let mut core = vec![file("lib.rs", text)];
    for module in modules {
        let path = format!("{module}.rs");
        let given = files.iter().find(|(given, _)| *given == path).map_or("", |(_, text)| text);
        core.push(file(&path, given));
    }
    faults(("lib.rs", &core), ("lib.rs", &planted_store()))
}

fn planted_store() -> Vec<SourceFile> {
    let root = "pub mod query; mod store; mod lease; mod dyn_store; mod unit_of_work; pub mod \
        __private; pub use dyn_store::DynStore; pub use lease::Lease; pub use store::Store; pub \
        use unit_of_work::Unit;";
    vec![
        file("lib.rs", root),
        file("query.rs", "pub struct Filter;"),
        file("store.rs", "pub trait Store {}"),
        file("lease.rs", "pub struct Lease;"),
        file("dyn_store.rs", "pub struct DynStore;"),
        file("unit_of_work.rs", "pub struct Unit;"),
        file("__private.rs", "pub use crate::unit_of_work::Unit as Inner;"),
    ]
}

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}
