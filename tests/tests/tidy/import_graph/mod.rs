//! The graph of imports between the top-level modules of a crate, computed from its sources alone.
//!
//! - A node is a `mod x;` of the crate root, with everything below it. Code in the crate root is
//!   the node `crate`.
//! - An edge is a `use`, a path in an expression, type, attribute or macro call, or a path with
//!   `crate` in a macro body. It leads to the module that defines the item: re-exports are
//!   followed. A re-export of another crate's item counts as an item of the module.
//! - Code under `#[cfg(test)]` is left out; so are doc comments. Every other `cfg` counts as on.
//! - The crate root and `__private` are export roots: a re-export (`pub use`) in them is no edge.
//!   No other module imports `__private`. Only an exported `macro_rules!` names it, for the users
//!   of the macro.
//!
//! A method call without an import is not seen, since it needs types.

mod attributes;
mod modules;
mod references;
mod scopes;
mod tokens;

use std::collections::BTreeSet;

use crate::graph::Graph;
use modules::Crate;

/// A file of a crate, named relative to the folder of the crate root, with `/`.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The result for one crate.
#[derive(Debug)]
pub(crate) struct ImportGraph {
    pub(crate) graph: Graph,
    /// Imports of `__private` by other modules, as `file:line: item`.
    pub(crate) private_imports: Vec<String>,
    /// Imports of items that the crate root re-exports, as `file:line: item`. The edge leads to the
    /// defining module.
    pub(crate) root_imports: Vec<String>,
    /// Paths out of the crate.
    pub(crate) foreign_uses: Vec<ForeignUse>,
}

/// A path of a module into another crate; it ends with `*` if it is a glob.
#[derive(Debug, Clone)]
pub(crate) struct ForeignUse {
    /// The top-level module that has the path.
    pub(crate) module: String,
    pub(crate) path: Vec<String>,
    pub(crate) file: String,
    pub(crate) line: usize,
}

/// Name of the node for code in the crate root.
pub(crate) const CRATE_ROOT: &str = "crate";

/// Modules with re-exports for generated code. No other module imports them.
const EXPORT_ROOTS: &[&str] = &["__private"];

/// Computes the graph of the crate with the root file `root`.
///
/// # Errors
/// If a file is missing or does not parse; the message names it.
pub(crate) fn import_graph(root: &str, files: &[SourceFile]) -> Result<ImportGraph, String> {
    let parsed = Crate::parse(root, files)?;
    Ok(references::collect(&parsed))
}

/// Returns for each path into the crate the top-level modules that define its items. Each path
/// begins with the name of the crate.
///
/// # Errors
/// As of [`import_graph`].
pub(crate) fn defining_modules(
    root: &str,
    files: &[SourceFile],
    paths: &[&[String]],
) -> Result<Vec<BTreeSet<String>>, String> {
    let parsed = Crate::parse(root, files)?;
    let homes = paths.iter().map(|path| {
        let names = path[1..].iter().filter(|name| *name != "*");
        let inside: Vec<String> = ["crate".to_owned()].iter().chain(names).cloned().collect();
        let targets = parsed.resolve(modules::ROOT, &inside, false).targets;
        let homes = targets.iter().filter_map(scopes::Target::home);
        homes.map(|home| references::top(&parsed.modules[home]).to_owned()).collect()
    });
    Ok(homes.collect())
}
