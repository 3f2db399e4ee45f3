//! The names of tests: subject and expectation in few characters, so that a report is a list of
//! facts.

use std::fmt::Write as _;

use crate::text::{TextFile, text_files};

/// Longest name of a test.
const MAX_NAME: usize = 60;

#[test]
fn names_of_tests_are_short() {
    let faults = faults(&text_files());
    assert!(faults.is_empty(), "shorten these names to {MAX_NAME} characters:\n{faults}");
}

#[test]
fn planted_long_names_are_found() {
    let long = "x".repeat(MAX_NAME + 1);
    let fits = "x".repeat(MAX_NAME);
    let text = format!(
        "#[test]\nfn {long}() {{}}\nfn {long}() {{}}\n#[tokio::test(start_paused = true)]\n\
         #[cfg(unix)]\nasync fn {long}() {{}}\n#[test]\nfn {fits}() {{}}\n"
    );
    let files = [TextFile { path: "a.rs".to_owned(), text }];
    assert_eq!(faults(&files), format!("a.rs:2: {long}\na.rs:6: {long}\n"));
}

fn faults(files: &[TextFile]) -> String {
    let mut faults = String::new();
    for file in files.iter().filter(|file| file.extension() == "rs") {
        let mut is_test = false;
        for (at, line) in file.text.lines().enumerate() {
            let line = line.trim_start();
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some(name) = name_of(line) {
                if is_test && name.len() > MAX_NAME {
                    writeln!(faults, "{}:{}: {name}", file.path, at + 1).unwrap();
                }
                is_test = false;
            }
        }
    }
    faults
}

/// Returns the name of the function that begins in this line.
fn name_of(line: &str) -> Option<&str> {
    let words = ["pub ", "async ", "unsafe "];
    let line = words.iter().fold(line, |line, word| line.strip_prefix(word).unwrap_or(line));
    line.strip_prefix("fn ").and_then(|rest| rest.split(['(', '<']).next())
}
