//! The order of rows.

use std::cmp::Ordering;

use super::{Field, Operand};
use crate::record::StateRecord;

/// A field by which rows are ordered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SortKey {
    /// The field; null is less than every value.
    pub field: Field,
    /// Set for the descending order: the greatest value first, and null last.
    pub is_descending: bool,
}

impl SortKey {
    /// Compares two values of the field.
    pub(super) fn order(&self, one: Option<&Operand>, other: Option<&Operand>) -> Ordering {
        // All values of a field have one kind, so two of them can be compared.
        let order = one.partial_cmp(&other).unwrap_or(Ordering::Equal);
        if self.is_descending { order.reverse() } else { order }
    }
}

/// Returns the values of the sort keys in a row.
pub(super) fn values(keys: &[SortKey], row: &StateRecord) -> Vec<Option<Operand>> {
    keys.iter().map(|key| key.field.of(row)).collect()
}
