//! Line diffs of expected and actual texts, for failure messages.

use similar::{ChangeTag, TextDiff};

/// Returns both texts as a line diff. The marks are ` ` for shared lines, `-` for missing ones, and
/// `+` for unexpected ones.
pub(super) fn difference(expected: &str, found: &str) -> String {
    let (expected, found): (Vec<&str>, Vec<&str>) =
        (expected.lines().collect(), found.lines().collect());
    let diff = TextDiff::from_slices(&expected, &found);
    let lines = diff.iter_all_changes().map(|change| {
        let mark = match change.tag() {
            ChangeTag::Equal => ' ',
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
        };
        format!("  {mark} {}\n", change.value())
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: &str, found: &str, text: &str) {
        assert_eq!(difference(expected, found), text);
    }

    #[test]
    fn equal_texts_have_no_marks() {
        check("a\nb", "a\nb", "    a\n    b\n");
        check("", "", "");
    }

    #[test]
    fn shared_lines_are_unmarked() {
        check("a\nb\nc", "a\nx\nc", "    a\n  - b\n  + x\n    c\n");
        check("b\nc", "a\nb", "  + a\n    b\n  - c\n");
        check("", "a", "  + a\n");
        check("a", "", "  - a\n");
    }

    #[test]
    fn long_texts_are_compared_quickly() {
        let text: String = (0..200_000).map(|line| format!("{line}\n")).collect();
        let found = text.replacen("7\n", "x\n", 1);
        assert_eq!(
            difference(&text, &found).lines().filter(|line| line.starts_with("  + ")).count(),
            1
        );
    }
}
