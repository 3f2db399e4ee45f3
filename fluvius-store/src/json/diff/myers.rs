//! A diff of two lists: the smallest one, if it is small.
//!
//! Elements are compared as text. This module does not parse JSON.

use std::ops::Range;

/// Maximum number of removals and insertions. The time and memory of the search grow with its
/// square.
const MAX_EDITS: usize = 64;

/// A difference of two lists: the elements of `old`, and those of `new` that replace them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// Returns the gaps between `old` and `new`, in order; between them the lists are equal.
///
/// The common prefix and suffix are removed first. If the rest needs too many edits, it is one gap.
///
/// # Source
/// E. Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1 (1986).
pub(super) fn gaps(old: &[&str], new: &[&str]) -> Vec<Gap> {
    let start = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let end = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(|(old, new)| old == new)
        .count();
    let (old_rest, new_rest) =
        (&old_rest[..old_rest.len() - end], &new_rest[..new_rest.len() - end]);
    if old_rest.is_empty() && new_rest.is_empty() {
        return Vec::new();
    }
    let shared = shared(old_rest, new_rest).unwrap_or_default();
    between(&shared, start, old_rest.len(), new_rest.len())
}

/// Returns the common elements as indexes into `old` and `new`, or `None` if too much differs.
fn shared(old: &[&str], new: &[&str]) -> Option<Vec<(usize, usize)>> {
    if old.is_empty() || new.is_empty() || old.len().abs_diff(new.len()) > MAX_EDITS {
        return None;
    }
    let edits_max = MAX_EDITS.min(old.len() + new.len());
    // `furthest[diagonal]` is the furthest index into `old` reached on a diagonal. A diagonal is
    // `x - y`, plus `zero` so that it is never negative.
    let zero = edits_max + 1;
    let mut furthest = vec![0_usize; 2 * zero + 1];
    let mut history = Vec::new();
    for edits in 0..=edits_max {
        history.push(furthest.clone());
        for diagonal in (zero - edits..=zero + edits).step_by(2) {
            let mut x = step(&furthest, diagonal, edits, zero).1;
            let mut y = x + zero - diagonal;
            while x < old.len() && y < new.len() && old[x] == new[y] {
                (x, y) = (x + 1, y + 1);
            }
            furthest[diagonal] = x;
            if x >= old.len() && y >= new.len() {
                return Some(walk_back(&history, (x, y), zero));
            }
        }
    }
    None
}

/// Returns the diagonal from which the last of `edits` steps reaches this one, and the `x` that it
/// reaches.
fn step(furthest: &[usize], diagonal: usize, edits: usize, zero: usize) -> (usize, usize) {
    if edits == 0 {
        return (diagonal, 0);
    }
    let (lower, upper) = (furthest[diagonal - 1], furthest[diagonal + 1]);
    if diagonal == zero - edits || (diagonal != zero + edits && lower < upper) {
        (diagonal + 1, upper)
    } else {
        (diagonal - 1, lower + 1)
    }
}

fn walk_back(history: &[Vec<usize>], end: (usize, usize), zero: usize) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let (mut x, mut y) = end;
    for (edits, furthest) in history.iter().enumerate().rev() {
        let diagonal = x + zero - y;
        let (from, entered) = step(furthest, diagonal, edits, zero);
        while x > entered {
            (x, y) = (x - 1, y - 1);
            pairs.push((x, y));
        }
        if edits > 0 {
            x = furthest[from];
            y = x + zero - from;
        }
    }
    pairs.reverse();
    pairs
}

fn between(
    shared: &[(usize, usize)],
    start: usize,
    old_length: usize,
    new_length: usize,
) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let (mut old_next, mut new_next) = (0, 0);
    for (old, new) in shared.iter().copied().chain([(old_length, new_length)]) {
        if old > old_next || new > new_next {
            gaps.push(Gap {
                old: start + old_next..start + old,
                new: start + new_next..start + new,
            });
        }
        (old_next, new_next) = (old + 1, new + 1);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(old: &str, new: &str, expected: &[(Range<usize>, Range<usize>)]) {
        let (old, new): (Vec<_>, Vec<_>) = (old.split("").collect(), new.split("").collect());
        let last = |list: &[&str]| list.len() - 1;
        let (old, new) = (old[1..last(&old)].to_vec(), new[1..last(&new)].to_vec());
        let found: Vec<_> = gaps(&old, &new).into_iter().map(|gap| (gap.old, gap.new)).collect();
        assert_eq!(found, expected, "{old:?} {new:?}");
    }

    #[test]
    fn equal_elements_are_in_no_gap() {
        check("", "", &[]);
        check("abc", "abc", &[]);
        check("abc", "xabc", &[(0..0, 0..1)]);
        check("abc", "abcx", &[(3..3, 3..4)]);
        check("abc", "ac", &[(1..2, 1..1)]);
        check("abc", "axc", &[(1..2, 1..2)]);
        check("aaa", "aa", &[(2..3, 2..2)]);
        check("abc", "", &[(0..3, 0..0)]);
    }

    #[test]
    fn sliding_window_makes_two_gaps() {
        check("abcde", "bcdef", &[(0..1, 0..0), (5..5, 4..5)]);
        check("abcde", "acdxe", &[(1..2, 1..1), (4..4, 3..4)]);
    }

    #[test]
    fn very_different_lists_are_one_gap() {
        let (old, new) = (["a"; 100], ["b"; 100]);
        assert_eq!(gaps(&old, &new), [Gap { old: 0..100, new: 0..100 }]);
        assert_eq!(gaps(&old, &[]), [Gap { old: 0..100, new: 0..0 }]);
    }

    proptest! {
        #[test]
        fn filling_the_gaps_gives_the_new_list(
            old in "[abc]{0,12}", new in "[abc]{0,12}", times in 1_usize..12,
        ) {
            let (old, new) = (old.repeat(times), new.repeat(times));
            let old: Vec<&str> = (0..old.len()).map(|at| &old[at..=at]).collect();
            let new: Vec<&str> = (0..new.len()).map(|at| &new[at..=at]).collect();
            let mut made: Vec<&str> = Vec::new();
            let mut next = 0;
            for gap in gaps(&old, &new) {
                prop_assert!(!gap.old.is_empty() || !gap.new.is_empty());
                made.extend(&old[next..gap.old.start]);
                prop_assert_eq!(made.len(), gap.new.start);
                made.extend(&new[gap.new]);
                next = gap.old.end;
            }
            made.extend(&old[next..]);
            prop_assert_eq!(made, new);
        }
    }
}
