//! What differs between what a test expected and what it found, to read.

/// Both texts line by line: ` ` before what they share, `-` before what was expected and is not
/// there, `+` before what is there and was not expected.
pub(super) fn difference(expected: &str, found: &str) -> String {
    let expected: Vec<&str> = expected.lines().collect();
    let found: Vec<&str> = found.lines().collect();
    let shared = shared_lengths(&expected, &found);
    let (mut here, mut there) = (0, 0);
    let mut text = String::new();
    while here < expected.len() || there < found.len() {
        let is_shared =
            here < expected.len() && there < found.len() && expected[here] == found[there];
        let (mark, line) = if is_shared {
            here += 1;
            there += 1;
            (' ', expected[here - 1])
        } else if there == found.len()
            || (here < expected.len() && shared[here + 1][there] >= shared[here][there + 1])
        {
            here += 1;
            ('-', expected[here - 1])
        } else {
            there += 1;
            ('+', found[there - 1])
        };
        text += &format!("  {mark} {line}\n");
    }
    text
}

/// How many lines the rests from each pair of places share, in order.
fn shared_lengths(expected: &[&str], found: &[&str]) -> Vec<Vec<usize>> {
    let mut shared = vec![vec![0; found.len() + 1]; expected.len() + 1];
    for here in (0..expected.len()).rev() {
        for there in (0..found.len()).rev() {
            shared[here][there] = if expected[here] == found[there] {
                shared[here + 1][there + 1] + 1
            } else {
                shared[here + 1][there].max(shared[here][there + 1])
            };
        }
    }
    shared
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
    fn what_both_share_stays_where_it_is() {
        check("a\nb\nc", "a\nx\nc", "    a\n  - b\n  + x\n    c\n");
        check("b\nc", "a\nb", "  + a\n    b\n  - c\n");
        check("", "a", "  + a\n");
        check("a", "", "  - a\n");
    }
}
