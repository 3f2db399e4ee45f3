//! The hash map used on the path of every command.

use std::collections::HashMap;

/// A hash map that hashes short keys faster than the standard one. It is seeded per process, since
/// clients choose ids.
pub(crate) type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
