//! The tree of conditions, and its three-valued truth.

use std::cmp::Ordering;
use std::ops::{BitAnd, BitOr, Not};

use super::{Field, Operand};
use crate::record::StateRecord;

/// Which rows are given: those for which it is true.
///
/// # Shape
/// `All` of nothing is true, `Any` and `OneOf` of nothing are false. An operand has the kind of its
/// field; `Contains` and `StartsWith` are for texts.
///
/// Of a field that is null every condition but `IsNull` is unknown. `Not` of unknown is unknown;
/// `All` is false where one is false, else unknown where one is; `Any` is true where one is true,
/// else unknown where one is.
///
/// # Examples
/// ```
/// use fluvius_store::query::Field;
///
/// let filter = Field::number("balance").gt(0) & Field::text("owner_name").one_of(["Ada", "Grace"]);
/// let other = !(filter | Field::boolean("frozen").eq(true));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of these hold.
    All(Vec<Filter>),
    /// One of these holds.
    Any(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// The field compares so with the operand.
    Compare {
        /// The field.
        field: Field,
        /// How.
        comparison: Comparison,
        /// With what.
        operand: Operand,
    },
    /// The field equals one of the operands.
    OneOf {
        /// The field.
        field: Field,
        /// With what.
        operands: Vec<Operand>,
    },
    /// The field holds this text, letter for letter.
    Contains {
        /// The field.
        field: Field,
        /// The text.
        text: String,
    },
    /// The field begins with this text, letter for letter.
    StartsWith {
        /// The field.
        field: Field,
        /// The text.
        text: String,
    },
    /// The field is null.
    IsNull {
        /// The field.
        field: Field,
    },
}

/// How a field compares with an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// It equals it.
    Eq,
    /// It differs from it.
    Ne,
    /// It is less.
    Lt,
    /// It is less or equal.
    Le,
    /// It is greater.
    Gt,
    /// It is greater or equal.
    Ge,
}

impl Comparison {
    /// Whether it holds of two values in this order.
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
    /// Every row.
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Filter {
    /// Its truth for a row; `None` is unknown.
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

/// False where one is false, else unknown where one is.
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

    /// Both hold.
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

    /// One of them holds.
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

    /// What does not hold. Where a field is null, neither a condition on it nor its negation
    /// holds.
    fn not(self) -> Self {
        Self::Not(Box::new(self))
    }
}
