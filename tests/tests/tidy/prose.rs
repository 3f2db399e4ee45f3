//! Rules for prose: how sentences begin, and the actors in them.
//!
//! A sentence does not begin with an interrogative word, and its actor is a component of the
//! software or a role, such as the scheduler, a command or the caller.

use std::fmt::Write as _;

use crate::text::{Block, TextFile, text_files};

/// Words that begin no sentence.
const INTERROGATIVES: &[&str] =
    &["What", "Whatever", "Whether", "How", "Who", "Whoever", "Which", "Where", "Whose"];

/// Words for actors without a name.
const ACTORS: &[&str] = &[
    "nobody",
    "somebody",
    "someone",
    "everybody",
    "whoever",
    "whomever",
    "he",
    "him",
    "himself",
    "his",
    "she",
    "herself",
];

#[test]
fn sentences_begin_with_their_subject() {
    let faults = faults(&text_files(), first_words);
    assert!(faults.is_empty(), "begin with the subject or with the condition:\n{faults}");
}

#[test]
fn actors_are_components() {
    let faults = faults(&text_files(), actors);
    assert!(faults.is_empty(), "name the component or the role:\n{faults}");
}

#[test]
fn planted_sentences_are_found() {
    let rust = "/// Whether it is open. It closes\n/// itself. How: by a timer.\n\
        fn f() {} // Who calls\n\
        /* Where it ends. */ const A: &str = \"What is not prose\"; // fine\n\
        // # What a heading says\n// ```\n// What code says\n// ```\n//! The end. Which it is.";
    let expected = [
        ("a.rs", 1, "Whether"),
        ("a.rs", 1, "How"),
        ("a.rs", 3, "Who"),
        ("a.rs", 4, "Where"),
        ("a.rs", 9, "Which"),
    ];
    check("a.rs", rust, first_words, &expected);

    let markdown = "# What a title says\n\nA text. What it\nmeans (who reads it).\n\n- Whose item\n\
        1. How many\n| column | Where it is |\n```\nWhat code says\n```\nIt runs `f`. \
        **Whether** it ends, e.g. What.\n";
    let expected = [
        ("a.md", 3, "What"),
        ("a.md", 6, "Whose"),
        ("a.md", 7, "How"),
        ("a.md", 8, "Where"),
        ("a.md", 12, "Whether"),
        ("a.md", 12, "What"),
    ];
    check("a.md", markdown, first_words, &expected);
    check("a.sql", "SELECT 1;\n-- What is read.\n", first_words, &[("a.sql", 2, "What")]);
    check(".ci/run", "#!/bin/sh\n# How it runs.\n", first_words, &[(".ci/run", 2, "How")]);
}

#[test]
fn planted_actors_are_found() {
    let rust = "// Nobody reads it. `he` is code, and she waits.\n/// The reader himself.";
    let expected = [("a.rs", 1, "Nobody"), ("a.rs", 1, "she"), ("a.rs", 2, "himself")];
    check("a.rs", rust, actors, &expected);
    check("a.rs", "// The cache, the history and this.", actors, &[]);
}

#[test]
fn strings_of_generated_documentation_are_prose() {
    let text = "quote!(#[doc = \"Whether it is set.\\n\\nThe end. Who reads?\"])";
    let expected = [("Whether", 1), ("Who", 3)];
    let path = "fluvius-macros/src/expand/a.rs";
    check(path, text, first_words, &expected.map(|(word, line)| (path, line, word)));
    check("fluvius-macros/src/model/a.rs", text, first_words, &[]);
}

/// Checks that a file with this text has these faults: file, line and word.
fn check(
    path: &str,
    text: &str,
    find: impl Fn(&Block) -> Vec<String>,
    expected: &[(&str, usize, &str)],
) {
    let files = [TextFile { path: path.to_owned(), text: text.to_owned() }];
    let faults = faults(&files, find);
    let found: Vec<String> =
        faults.lines().map(|line| line.rsplit_once(": ").unwrap().0.to_owned()).collect();
    let expected: Vec<String> =
        expected.iter().map(|(path, line, word)| format!("{path}:{line}: {word}")).collect();
    assert_eq!(found, expected);
}

/// Returns the interrogative words with which a sentence of the block begins.
fn first_words(block: &Block) -> Vec<String> {
    let first = sentences(&block.text).filter_map(|sentence| words(sentence).next());
    first.filter(|word| INTERROGATIVES.contains(word)).map(str::to_owned).collect()
}

/// Returns the words for actors without a name.
fn actors(block: &Block) -> Vec<String> {
    let actors = words(&block.text).filter(|word| ACTORS.contains(&word.to_lowercase().as_str()));
    actors.map(str::to_owned).collect()
}

/// Lists the words that `find` returns, with their file and line.
fn faults(files: &[TextFile], find: impl Fn(&Block) -> Vec<String>) -> String {
    let mut faults = String::new();
    for file in files {
        for block in file.prose() {
            for word in find(&block) {
                let start: String = block.text.chars().filter(|c| *c != ':').take(60).collect();
                writeln!(faults, "{}:{}: {word}: {start}", file.path, block.line).unwrap();
            }
        }
    }
    faults
}

/// Returns the sentences of a block. A sentence ends with a mark and a space.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive([' ', '\n'])
        .scan((0, false), |state, part| {
            let starts = state.1 || state.0 == 0;
            let offset = state.0;
            state.0 += part.len();
            state.1 = part.trim_end().ends_with(['.', '?', '!']) || part.trim_end().ends_with(".)");
            Some((starts, offset))
        })
        .filter(|(starts, _)| *starts)
        .map(|(_, offset)| &text[offset..])
        .collect::<Vec<_>>()
        .into_iter()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '\'' && letter != '-')
        .filter(|word| !word.is_empty())
}
