//! The text of the workspace: its files, and the prose in them.
//!
//! Prose is the text of comments, of Markdown and of the documentation that the macros generate. It
//! is a list of blocks: paragraphs, list items and cells. Code and headings are no prose.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::relative;

mod markdown;
mod rust;
mod sql;

/// A text file of the workspace.
pub(crate) struct TextFile {
    /// The path from the folder of the workspace.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A paragraph, a list item or a cell, without markup for code.
#[derive(Debug, PartialEq)]
pub(crate) struct Block {
    /// The first line, from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

/// Files and folders that cargo, a test or a benchmark writes. Cargo marks its target folder only
/// if it has created it.
const GENERATED: &[&str] = &[
    "target",
    "fluvius-macros/src/tests/snapshots",
    "tests/ui/fail",
    "tests/corpus",
    "benchmarks/results",
    "benchmarks/FIGURES.md",
    "benchmarks/FIGURES-STORES.md",
];

/// Reads all text files that people write.
pub(crate) fn text_files() -> Vec<TextFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a folder");
    let mut files = Vec::new();
    read_folder(root, root, &mut files);
    files.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(files.len() > 400, "only {} files found", files.len());
    files
}

fn read_folder(root: &Path, folder: &Path, files: &mut Vec<TextFile>) {
    // Other target folders have this file.
    if folder.join("CACHEDIR.TAG").exists() {
        return;
    }
    let entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("the folder stays while it is read").path())
        .collect();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let relative = relative(&path, root);
        if path.is_symlink() || GENERATED.contains(&relative.as_str()) {
            continue;
        }
        if path.is_dir() {
            let is_hidden = name.starts_with('.') && name != ".ci" && name != ".github";
            if !is_hidden && name != "node_modules" {
                read_folder(root, &path, files);
            }
        } else if is_text(&relative) {
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            files.push(TextFile { path: relative, text });
        }
    }
}

fn is_text(path: &str) -> bool {
    let extensions = [".rs", ".md", ".sql", ".toml", ".sh", ".py", ".c", ".yml"];
    path.starts_with(".ci/") || extensions.iter().any(|extension| path.ends_with(extension))
}

impl TextFile {
    /// Returns the prose of the file.
    pub(crate) fn prose(&self) -> Vec<Block> {
        match self.extension() {
            "rs" => rust::prose(&self.text, self.path.starts_with("fluvius-macros/src/expand/")),
            "md" => markdown::prose(self.text.lines().enumerate().map(|(at, line)| (at + 1, line))),
            "sql" => sql::prose(&self.text, "--"),
            "toml" | "sh" | "py" | "yml" | "run" | "release" => sql::prose(&self.text, "#"),
            _ => Vec::new(),
        }
    }

    /// Returns the lines, from 1, that are data: the text of raw strings, of fences and of tables.
    pub(crate) fn data_lines(&self) -> Vec<usize> {
        match self.extension() {
            "rs" => rust::data_lines(&self.text),
            "md" => markdown::data_lines(&self.text),
            _ => Vec::new(),
        }
    }

    pub(crate) fn extension(&self) -> &str {
        self.path.rsplit(['.', '/']).next().unwrap_or_default()
    }
}
