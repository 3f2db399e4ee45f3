//! Suggestions for misspelt words.

/// Words that authors use in place of another one.
const SYNONYMS: &[(&str, &str)] = &[
    ("emits", "evt_key"),
    ("event", "evt_key"),
    ("event_name", "evt_key"),
    ("events", "evt_key"),
    ("evt", "evt_key"),
    ("version", "revision"),
];

/// Returns the word of `known` that the author probably meant: one with this synonym, or the
/// nearest within the allowed edit distance.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let meant = SYNONYMS.iter().find(|(synonym, _)| *synonym == word);
    let meant = meant.and_then(|(_, meant)| known.iter().find(|candidate| *candidate == meant));
    if let Some(meant) = meant {
        return Some(meant);
    }
    known
        .iter()
        .map(|candidate| (distance(&word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= slips_allowed(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Returns the allowed edit distance. Short words are close to many others, so they allow less.
fn slips_allowed(word: &str) -> usize {
    if word.len() <= 4 { 1 } else { 2 }
}

/// Returns the edit distance of two words: insertions, deletions, replacements and swaps of
/// neighbours.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, left_char) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, right_char) in right.iter().enumerate() {
            let replace = above[column] + usize::from(left_char != right_char);
            let mut best = replace.min(above[column + 1] + 1).min(current[column] + 1);
            let swapped = row > 0
                && column > 0
                && *left_char == right[column - 1]
                && left[row - 1] == *right_char;
            if swapped {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn nearest_finds_the_intended_word() {
        let known = ["evt_key", "resources", "key", "internal"];
        let table = [
            ("event_key", Some("evt_key")),
            ("evtkey", Some("evt_key")),
            ("resource", Some("resources")),
            ("kye", Some("key")),
            ("Internal", Some("internal")),
            ("interanl", Some("internal")),
            ("event", Some("evt_key")),
            ("version", None),
            ("colour", None),
            ("x", None),
        ];
        for (word, expected) in table {
            assert_eq!(nearest(word, &known), expected, "{word}");
        }
    }
}
