//! A batch in parts, by the estimated size of its units.

use std::ops::Range;

/// The largest number of bytes in one call: client and server keep several copies of them.
pub(crate) const MAX_PART_BYTES: usize = 64 * 1024 * 1024;

/// Splits consecutive sizes into parts of up to the given number of bytes. A larger size is a
/// separate part.
pub(crate) fn split(sizes: &[usize], max_bytes: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut first, mut bytes) = (0, 0_usize);
    for (index, size) in sizes.iter().enumerate() {
        if index > first && bytes.saturating_add(*size) > max_bytes {
            parts.push(first..index);
            (first, bytes) = (index, 0);
        }
        bytes = bytes.saturating_add(*size);
    }
    parts.push(first..sizes.len());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_bounded_and_a_large_unit_is_alone() {
        assert_eq!(split(&[1, 2, 3], 6).as_slice(), std::slice::from_ref(&(0..3)));
        assert_eq!(split(&[1, 2, 4], 6), [0..2, 2..3]);
        assert_eq!(split(&[1, 100, 1], 6), [0..1, 1..2, 2..3]);
        assert_eq!(split(&[usize::MAX, usize::MAX], 6), [0..1, 1..2]);
        assert_eq!(split(&[100], 6).as_slice(), std::slice::from_ref(&(0..1)));
    }
}
