//! The hash map of what is on every command's path.

use std::collections::HashMap;

/// A hash map whose hash is faster than the standard one on keys of a few bytes. It is seeded anew in each process, since
/// clients choose ids.
pub(crate) type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
