//! The guide and the other pages: links, included code, and the table of error codes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use fluvius_core::Error;

use crate::text::{TextFile, text_files};

#[test]
fn every_chapter_is_in_the_summary() {
    let files = text_files();
    let summary = file(&files, "docs/src/SUMMARY.md");
    for chapter in chapters(&files).filter(|file| file.path != "docs/src/SUMMARY.md") {
        let name = chapter.path.rsplit('/').next().unwrap();
        assert!(summary.text.contains(&format!("({name})")), "{name} is not in the summary");
    }
}

#[test]
fn links_lead_to_files_and_headings() {
    let faults = broken_links(&text_files());
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn code_of_the_guide_is_compiled() {
    let files = text_files();
    let mut faults = String::new();
    for chapter in chapters(&files) {
        faults += &code_faults(chapter, &files);
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn included_code_is_shown() {
    let files = text_files();
    let shown: BTreeSet<String> =
        chapters(&files).flat_map(|chapter| includes(&chapter.text).map(str::to_owned)).collect();
    let mut faults = String::new();
    for code in files.iter().filter(|file| file.path.starts_with("docs/examples/")) {
        let path = format!("../{}", code.path.strip_prefix("docs/").unwrap());
        for anchor in anchors(&code.text) {
            if !shown.contains(&format!("{path}:{anchor}")) {
                writeln!(faults, "{}: no chapter shows `{anchor}`", code.path).unwrap();
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn error_codes_are_in_the_guide_with_their_kinds() {
    let files = text_files();
    let guide = &file(&files, "docs/src/errors.md").text;
    let row_of = |start: &str, part: &str| {
        guide.lines().find(|line| line.starts_with(start) && line.contains(part))
    };
    for (code, kind) in Error::CODES {
        assert!(row_of(&format!("| `{code}` |"), "").is_some(), "{code} has no row");
        let kinds = row_of("| `ErrorKind::", &format!("`{code}`"));
        let kind_of = kinds.and_then(|row| row.split('`').nth(1));
        assert_eq!(kind_of, Some(&*format!("ErrorKind::{kind:?}")), "{code}");
    }
}

#[test]
fn macros_reserve_the_error_codes() {
    let files = text_files();
    let source = &file(&files, "fluvius-macros/src/check/framework_codes.rs").text;
    let list = source.split_once("= &[").unwrap().1;
    let reserved: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    let codes: Vec<&str> = Error::CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(reserved, codes);
}

#[test]
fn planted_broken_links_are_found() {
    let page = "[a](b.md) [b](b.md#a-heading) [c](gone.md) [d](b.md#gone)\n[e](#own) [f](#none)\n\n\
        # Own\n\n`[g](code.md)` [h](https://example.org/x.md)\n\n```\n[i](fence.md)\n```\n";
    let files = [text("docs/a.md", page), text("docs/b.md", "# A `heading`\n")];
    let expected = "docs/a.md: gone.md: no such file\ndocs/a.md: b.md#gone: no such heading\n\
        docs/a.md: #none: no such heading\n";
    assert_eq!(broken_links(&files), expected);
}

#[test]
fn planted_code_faults_are_found() {
    let page = "```rust\n{{#include ../examples/a.rs:shown}}\n```\n\
        ```rust\n{{#include ../examples/a.rs:gone}}\n```\n\
        ```rust\n{{#include ../examples/gone.rs:shown}}\n```\n\
        ```rust\nlet typed = 1;\n```\n```rust,compile_fail\nlet typed: u8 = \"\";\n```\n";
    let code = "// ANCHOR: shown\nfn f() {}\n// ANCHOR_END: shown\n";
    let files = [text("docs/src/a.md", page), text("docs/examples/a.rs", code)];
    let expected = "docs/src/a.md:5: docs/examples/a.rs has no anchor `gone`\n\
        docs/src/a.md:8: no file docs/examples/gone.rs\n\
        docs/src/a.md:11: include this code from docs/examples\n";
    assert_eq!(code_faults(&files[0], &files), expected);
}

fn chapters(files: &[TextFile]) -> impl Iterator<Item = &TextFile> {
    files.iter().filter(|file| file.path.starts_with("docs/src/"))
}

/// Lists the Rust code of a chapter that does not come from an existing anchor.
fn code_faults(chapter: &TextFile, files: &[TextFile]) -> String {
    let mut faults = String::new();
    let mut is_code = false;
    for (at, line) in chapter.text.lines().enumerate() {
        let place = format!("{}:{}", chapter.path, at + 1);
        if line.starts_with("```") {
            // Code that must not compile cannot be a part of a crate.
            is_code = line == "```rust" || line == "```rust,no_run";
        } else if let Some(included) = includes(line).next() {
            let (path, anchor) = included.split_once(':').unwrap_or((included, ""));
            let path = format!("docs/{}", path.trim_start_matches("../"));
            match files.iter().find(|file| file.path == path) {
                None if anchor.is_empty() && exists(&path) => {}
                None => writeln!(faults, "{place}: no file {path}").unwrap(),
                Some(file) if !anchor.is_empty() && !anchors(&file.text).any(|it| it == anchor) => {
                    writeln!(faults, "{place}: {path} has no anchor `{anchor}`").unwrap();
                }
                Some(_) => {}
            }
        } else if is_code {
            writeln!(faults, "{place}: include this code from docs/examples").unwrap();
            is_code = false;
        }
    }
    faults
}

/// Returns the targets of the `include` directives of mdBook.
fn includes(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split("{{#include ").skip(1);
    parts.filter_map(|part| part.split_once("}}")).map(|(target, _)| target.trim())
}

fn anchors(text: &str) -> impl Iterator<Item = &str> {
    text.split("ANCHOR: ").skip(1).filter_map(|part| part.lines().next())
}

/// Lists the relative links of Markdown files that lead nowhere.
fn broken_links(files: &[TextFile]) -> String {
    let mut faults = String::new();
    for page in files.iter().filter(|file| file.extension() == "md") {
        for target in links(&page.text) {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { page.path.clone() } else { join(&page.path, path) };
            let linked = files.iter().find(|file| file.path == path);
            let has_heading = |file: &TextFile| {
                heading.is_empty() || headings(&file.text).any(|slug| slug == heading)
            };
            if linked.is_none() && !exists(&path) {
                writeln!(faults, "{}: {target}: no such file", page.path).unwrap();
            } else if linked.is_some_and(|file| !has_heading(file)) {
                writeln!(faults, "{}: {target}: no such heading", page.path).unwrap();
            }
        }
    }
    faults
}

/// Returns the targets of links, without those with a scheme.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let lines = outside_of_fences(text).flat_map(|line| line.split('`').step_by(2));
    let targets = lines.flat_map(|part| part.split("](").skip(1));
    targets.filter_map(|part| part.split(')').next()).filter(|target| !target.contains(':'))
}

/// Returns the anchors that mdBook derives from the headings.
fn headings(text: &str) -> impl Iterator<Item = String> {
    outside_of_fences(text).filter(|line| line.starts_with('#')).map(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
        heading
            .chars()
            .filter(kept)
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect()
    })
}

fn outside_of_fences(text: &str) -> impl Iterator<Item = &str> {
    let mut is_fenced = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence
    })
}

/// Resolves a relative path from the folder of a page.
fn join(page: &str, path: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Tells if the workspace has this file or folder, of any kind.
fn exists(path: &str) -> bool {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.is_some_and(|root| root.join(path).exists())
}

fn file<'a>(files: &'a [TextFile], path: &str) -> &'a TextFile {
    files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is missing"))
}

fn text(path: &str, text: &str) -> TextFile {
    TextFile { path: path.to_owned(), text: text.to_owned() }
}
