//! Limits on sizes: the columns of a line, and the lines of a file.

use std::fmt::Write as _;

use crate::text::{TextFile, text_files};

/// Longest line, in characters. Tables, fenced text and raw strings are exempt.
const MAX_COLUMNS: usize = 100;

/// Most lines of a source file, and of a file with tests.
const MAX_LINES: (usize, usize) = (400, 600);

#[test]
fn lines_fit_the_column_limit() {
    let faults = wide_lines(&text_files());
    assert!(faults.is_empty(), "break these lines after {MAX_COLUMNS} columns:\n{faults}");
}

#[test]
fn files_fit_the_line_limit() {
    let faults = long_files(&text_files());
    assert!(faults.is_empty(), "split these files by subject:\n{faults}");
}

#[test]
fn planted_wide_lines_are_found() {
    let wide = "x".repeat(MAX_COLUMNS + 1);
    let widest = "é".repeat(MAX_COLUMNS);
    let rust = format!(
        "/// {wide}\n/// | {wide} |\n{widest}\nlet a = r#\"\n{wide}\n\"#;\nlet b = \"{wide}\";\n"
    );
    assert_eq!(wide_lines(&[file("a.rs", rust)]), "a.rs:1: 105\na.rs:7: 112\n");
    let markdown = format!("{wide}\n| {wide} |\n```\n{wide}\n```\n[a]: {wide}\n- {wide}\n");
    assert_eq!(wide_lines(&[file("a.md", markdown)]), "a.md:1: 101\na.md:7: 103\n");
    assert_eq!(wide_lines(&[file("a.sql", format!("-- {wide}"))]), "a.sql:1: 104\n");
}

#[test]
fn planted_long_files_are_found() {
    let lines = |count| "\n".repeat(count);
    let files = [
        file("a/src/lib.rs", lines(401)),
        file("a/src/short.rs", lines(400)),
        file("a/src/writer/tests/mod.rs", lines(601)),
        file("a/src/writer/tests.rs", lines(600)),
        file("a/tests/it/main.rs", lines(601)),
        file("docs/src/a.md", lines(9000)),
    ];
    let expected = [
        "a/src/lib.rs: 401 of 400",
        "a/src/writer/tests/mod.rs: 601 of 600",
        "a/tests/it/main.rs: 601 of 600",
    ];
    assert_eq!(long_files(&files).lines().collect::<Vec<_>>(), expected);
}

fn wide_lines(files: &[TextFile]) -> String {
    let mut faults = String::new();
    for file in files {
        let mut data = None;
        for (at, line) in file.text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > MAX_COLUMNS {
                let data = data.get_or_insert_with(|| file.data_lines());
                if !data.contains(&(at + 1)) {
                    writeln!(faults, "{}:{}: {columns}", file.path, at + 1).unwrap();
                }
            }
        }
    }
    faults
}

fn long_files(files: &[TextFile]) -> String {
    let mut faults = String::new();
    for file in files.iter().filter(|file| file.extension() == "rs") {
        let mut folders = file.path.split('/');
        // Unit tests of a module are in a file or a folder `tests` below `src`.
        let is_test = folders.any(|part| part == "tests" || part == "tests.rs");
        let limit = if is_test { MAX_LINES.1 } else { MAX_LINES.0 };
        let lines = file.text.lines().count();
        if lines > limit {
            writeln!(faults, "{}: {lines} of {limit}", file.path).unwrap();
        }
    }
    faults
}

fn file(path: &str, text: String) -> TextFile {
    TextFile { path: path.to_owned(), text }
}
