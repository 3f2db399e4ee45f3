//! Lists that mostly have one element.

use smallvec::SmallVec;

/// A list whose first element costs no allocation. A command mostly reads, writes and answers one of each.
pub(crate) type OneVec<T> = SmallVec<[T; 1]>;
