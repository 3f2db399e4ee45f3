//! The graph of imports between the top-level modules of a crate, computed from its sources alone.
//!
//! - A node is a `mod x;` of the crate root; what is below it belongs to it. Code in the crate root is the node `crate`.
//! - An edge is a `use`, a path in an expression, type, attribute or macro call, or a path with `crate` in a macro body.
//!   It leads to the module that defines the item: re-exports are followed.
//! - Code under `#[cfg(test)]` is left out; so are doc comments. Every other `cfg` counts as on.
//! - A re-export (`pub use`) of an export root is no edge: the crate root and `__private`. No other module imports
//!   `__private`, except in the body of a `macro_rules!`, where `$crate::__private` is for the users of the macro.
//!
//! A method call without an import is not seen, since it needs types.

mod modules;
mod references;
mod scopes;
mod tokens;

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
    /// Imports of items that the crate root re-exports, as `file:line: item`. The edge leads to the defining module.
    pub(crate) root_imports: Vec<String>,
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
