//! The identity of a content, and of this copy of it.

use uuid::Uuid;

/// The identity of the content of a store, and of this copy of it.
///
/// A content that was restored from a backup, or copied, is a new incarnation: its logs may lack
/// rows that readers of the other copy have processed. Readers therefore stop until an operator
/// confirms where they go on.
///
/// A store detects a copy as far as it can tell: SQLite by the file, or by a backup that it made
/// itself, so it misses a plain copy over the same file; PostgreSQL by the cluster and its
/// timeline, the database and the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Incarnation {
    /// Identifier of the content. It is drawn when the store is created, and kept by every copy.
    pub store: Uuid,
    /// Identifier of this copy. It stays the same for all processes that have the copy open, and
    /// over every close and reopening.
    pub copy: Uuid,
}
