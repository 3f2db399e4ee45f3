//! The prose of languages whose comments begin with one mark: SQL, shell, TOML, Python.

use super::{Block, markdown};

/// Returns the comments that fill their lines.
pub(super) fn prose(text: &str, mark: &str) -> Vec<Block> {
    let lines = text.lines().enumerate().map(|(at, line)| {
        let comment = line.trim_start().strip_prefix(mark);
        // Other lines are empty, so that they end a paragraph.
        (at + 1, comment.filter(|comment| !comment.starts_with('!')).unwrap_or_default())
    });
    markdown::prose(lines)
}
