//! Lists that usually have one element.

use smallvec::SmallVec;

/// A list that stores its first element without an allocation. A command usually reads, writes and
/// answers one of each.
pub(crate) type OneVec<T> = SmallVec<[T; 1]>;
