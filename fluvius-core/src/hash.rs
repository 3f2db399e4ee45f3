//! The hash maps of what is on every command's way.

use std::collections::HashMap;

/// A hash map whose hash is quicker than the standard one on keys of a few bytes, and is seeded
/// anew in each process, since clients choose identifiers.
pub(crate) type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
