//! Lists that mostly have one element.

use smallvec::SmallVec;

/// A list whose first element costs no allocation: what a command reads, writes and answers is
/// mostly one of each.
pub(crate) type Few<T> = SmallVec<[T; 1]>;
