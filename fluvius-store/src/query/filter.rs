//! Filters: a tree of conditions with three-valued logic.

use std::cmp::Ordering;
use std::ops::{BitAnd, BitOr, Not};

use super::{Field, Operand};
use crate::record::StateRecord;

/// A condition on rows. A query returns the rows for which it is true.
///
/// # Shape
/// An empty `All` is true; an empty `Any` or `OneOf` is false. An operand has the kind of its
/// field. `Contains` and `StartsWith` apply to texts.
///
/// If a field is null, every condition on it except `IsNull` is unknown. `Not` of unknown is
/// unknown. `All` is false if one condition is false, else unknown if one is unknown. `Any` is true
/// if one condition is true, else unknown if one is unknown.
///
/// # Examples
/// ```
/// use fluvius_store::query::Field;
///
/// let owners = Field::text("owner_name").one_of(["Ada", "Grace"]);
/// let filter = Field::number("balance").gt(0) & owners;
/// let other = !(filter | Field::boolean("frozen").eq(true));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// A conjunction: all of these hold.
    All(Vec<Filter>),
    /// A disjunction: at least one of these holds.
    Any(Vec<Filter>),
    /// A negation: this does not hold.
    Not(Box<Filter>),
    /// A comparison of the field with the operand.
    Compare {
        /// The field.
        field: Field,
        /// The comparison.
        comparison: Comparison,
        /// The operand.
        operand: Operand,
    },
    /// An equality of the field with one of the operands.
    OneOf {
        /// The field.
        field: Field,
        /// The operands.
        operands: Vec<Operand>,
    },
    /// A text that the field contains, case-sensitively.
    Contains {
        /// The field.
        field: Field,
        /// The text.
        text: String,
    },
    /// A text at the beginning of the field, case-sensitively.
    StartsWith {
        /// The field.
        field: Field,
        /// The text.
        text: String,
    },
    /// A field that is null.
    IsNull {
        /// The field.
        field: Field,
    },
}

/// A comparison of a field with an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

impl Comparison {
    /// Returns true if the comparison holds for two values in this order.
    pub const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        }
    }
}

impl Default for Filter {
    /// Returns the filter that every row meets.
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Filter {
    /// Evaluates the filter on a row; `None` is unknown.
    pub fn holds(&self, row: &StateRecord) -> Option<bool> {
        match self {
            Self::All(filters) => {
                let truths = filters.iter().map(|filter| filter.holds(row));
                all(truths)
            }
            Self::Any(filters) => {
                let truths = filters.iter().map(|filter| filter.holds(row).map(bool::not));
                all(truths).map(bool::not)
            }
            Self::Not(filter) => filter.holds(row).map(bool::not),
            Self::Compare { field, comparison, operand } => {
                let order = field.of(row)?.partial_cmp(operand)?;
                Some(comparison.holds(order))
            }
            Self::OneOf { field, operands } => match field.of(row) {
                Some(value) => Some(operands.contains(&value)),
                None => operands.is_empty().then_some(false),
            },
            Self::Contains { field, text } => match field.of(row)? {
                Operand::Text(value) => Some(value.contains(text.as_str())),
                _ => None,
            },
            Self::StartsWith { field, text } => match field.of(row)? {
                Operand::Text(value) => Some(value.starts_with(text.as_str())),
                _ => None,
            },
            Self::IsNull { field } => Some(field.of(row).is_none()),
        }
    }
}

/// Returns false if one is false, else unknown if one is unknown.
fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut is_known = true;
    for truth in truths {
        match truth {
            Some(false) => return Some(false),
            Some(true) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(true)
}

impl BitAnd for Filter {
    type Output = Self;

    /// Returns the conjunction of both filters.
    fn bitand(self, other: Self) -> Self {
        match self {
            Self::All(mut filters) => {
                filters.push(other);
                Self::All(filters)
            }
            one => Self::All(vec![one, other]),
        }
    }
}

impl BitOr for Filter {
    type Output = Self;

    /// Returns the disjunction of both filters.
    fn bitor(self, other: Self) -> Self {
        match self {
            Self::Any(mut filters) => {
                filters.push(other);
                Self::Any(filters)
            }
            one => Self::Any(vec![one, other]),
        }
    }
}

impl Not for Filter {
    type Output = Self;

    /// Returns the negation. If a field is null, neither a comparison of it nor the negation holds.
    fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}
