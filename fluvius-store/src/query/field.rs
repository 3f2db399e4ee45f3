//! Where a value stands, and as what it is read.

use std::fmt;

use super::{Comparison, Filter, Kind, Operand, SortKey, read_at};
use crate::record::StateRecord;

/// A place in the row of an aggregate, read as a value of a kind.
///
/// Made by [`number`], [`text`], [`time`], [`uuid()`], [`boolean`] and [`column()`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// Where it stands.
    pub place: Place,
    /// As what it is read; that of a column is the column's own.
    pub kind: Kind,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// In a column beside the state.
    Column(Column),
    /// In the state: the names that lead to it, each that of a member of an object. Where a name
    /// leads into something that is no object, nothing stands.
    Path(Vec<String>),
}

/// A column of the stored row beside the state itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// The resource: a text.
    Resource,
    /// The identifier: a UUID.
    Identifier,
    /// The version: a number.
    Version,
    /// The aggregate type's revision: a number.
    Revision,
    /// When the aggregate was created: a time.
    CreatedAt,
    /// Who created it: a UUID.
    CreatedBy,
    /// When its last event occurred: a time.
    UpdatedAt,
    /// Who gave its last event: a UUID.
    UpdatedBy,
    /// When it was closed: a time, null of an open aggregate.
    ClosedAt,
    /// Its realm: a text.
    Realm,
}

impl Column {
    /// The kind of its values.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Resource | Self::Realm => Kind::Text,
            Self::Identifier | Self::CreatedBy | Self::UpdatedBy => Kind::Uuid,
            Self::Version | Self::Revision => Kind::Number,
            Self::CreatedAt | Self::UpdatedAt | Self::ClosedAt => Kind::Time,
        }
    }

    /// Its name in `resource_state`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Identifier => "identifier",
            Self::Version => "version",
            Self::Revision => "revision",
            Self::CreatedAt => "created_at",
            Self::CreatedBy => "created_by",
            Self::UpdatedAt => "updated_at",
            Self::UpdatedBy => "updated_by",
            Self::ClosedAt => "closed_at",
            Self::Realm => "realm",
        }
    }

    pub(super) fn of(self, row: &StateRecord) -> Option<Operand> {
        match self {
            Self::Resource => Some(row.aggregate_id.resource.as_ref().into()),
            Self::Identifier => Some(row.aggregate_id.id.into()),
            Self::Version => Some(row.version.into()),
            Self::Revision => Some(row.revision.into()),
            Self::CreatedAt => Some(row.created_at.into()),
            Self::CreatedBy => row.created_by.map(Operand::from),
            Self::UpdatedAt => Some(row.updated_at.into()),
            Self::UpdatedBy => row.updated_by.map(Operand::from),
            Self::ClosedAt => row.closed_at.map(Operand::from),
            Self::Realm => row.realm.as_deref().map(Operand::from),
        }
    }
}

/// A column.
pub fn column(column: Column) -> Field {
    Field { place: Place::Column(column), kind: column.kind() }
}

macro_rules! kinds {
    ($($(#[$docs:meta])* $name:ident $kind:ident)*) => {
        $(
            $(#[$docs])*
            ///
            /// `path` is the names that lead to it, with dots between them; [`Field::at`] takes
            /// names that hold a dot.
            pub fn $name(path: &str) -> Field {
                Field::at(path.split('.'), Kind::$kind)
            }
        )*
    };
}

kinds! {
    /// A field of the state read as `true` or `false`.
    boolean Boolean
    /// A field of the state read as a decimal value.
    number Number
    /// A field of the state read as a text.
    text Text
    /// A field of the state read as a UUID.
    uuid Uuid
    /// A field of the state read as an instant.
    time Time
}

impl Field {
    /// A field of the state, by the names that lead to it.
    ///
    /// # Examples
    /// ```
    /// use fluvius_store::query::{Field, Kind, text};
    ///
    /// assert_eq!(text("address.city"), Field::at(["address", "city"], Kind::Text));
    /// let dotted = Field::at(["a.b"], Kind::Number);
    /// ```
    pub fn at<N: Into<String>>(names: impl IntoIterator<Item = N>, kind: Kind) -> Self {
        Self { place: Place::Path(names.into_iter().map(Into::into).collect()), kind }
    }

    /// Its value in a row; `None` is null.
    pub fn of(&self, row: &StateRecord) -> Option<Operand> {
        match &self.place {
            Place::Column(column) => column.of(row).filter(|value| value.kind() == self.kind),
            Place::Path(path) => read_at(row.data.as_str(), path, self.kind),
        }
    }

    /// It equals the operand.
    pub fn eq(self, operand: impl Into<Operand>) -> Filter {
        self.compare(Comparison::Eq, operand)
    }

    /// It differs from the operand.
    pub fn ne(self, operand: impl Into<Operand>) -> Filter {
        self.compare(Comparison::Ne, operand)
    }

    /// It is less than the operand.
    pub fn lt(self, operand: impl Into<Operand>) -> Filter {
        self.compare(Comparison::Lt, operand)
    }

    /// It is less than the operand, or equals it.
    pub fn le(self, operand: impl Into<Operand>) -> Filter {
        self.compare(Comparison::Le, operand)
    }

    /// It is greater than the operand.
    pub fn gt(self, operand: impl Into<Operand>) -> Filter {
        self.compare(Comparison::Gt, operand)
    }

    /// It is greater than the operand, or equals it.
    pub fn ge(self, operand: impl Into<Operand>) -> Filter {
        self.compare(Comparison::Ge, operand)
    }

    /// It lies between two operands, or equals one of them.
    pub fn between(self, low: impl Into<Operand>, high: impl Into<Operand>) -> Filter {
        self.clone().ge(low) & self.le(high)
    }

    /// It equals one of the operands; of none at all, nothing does.
    pub fn one_of<O: Into<Operand>>(self, operands: impl IntoIterator<Item = O>) -> Filter {
        let operands = operands.into_iter().map(Into::into).collect();
        Filter::OneOf { field: self, operands }
    }

    /// It is a text that holds this one, letter for letter. Every text holds the empty one.
    pub fn contains(self, text: impl Into<String>) -> Filter {
        Filter::Contains { field: self, text: text.into() }
    }

    /// It is a text that begins with this one, letter for letter.
    pub fn starts_with(self, text: impl Into<String>) -> Filter {
        Filter::StartsWith { field: self, text: text.into() }
    }

    /// It is null: nothing stands there, or JSON's `null`, or no value of the field's kind.
    pub fn is_null(self) -> Filter {
        Filter::IsNull { field: self }
    }

    /// The order by it, the smallest first, null before all others.
    pub fn ascending(self) -> SortKey {
        SortKey { field: self, is_descending: false }
    }

    /// The order by it, the greatest first, null behind all others.
    pub fn descending(self) -> SortKey {
        SortKey { field: self, is_descending: true }
    }

    fn compare(self, comparison: Comparison, operand: impl Into<Operand>) -> Filter {
        Filter::Compare { field: self, comparison, operand: operand.into() }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Column(column) => write!(f, "column `{}`", column.name()),
            Place::Path(path) => write!(f, "{} `{}`", self.kind, path.join(".")),
        }
    }
}
