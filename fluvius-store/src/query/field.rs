//! References to a column or a JSON path, with a value kind.

use std::fmt;

use super::{Comparison, Filter, Kind, Operand, SortKey, read_at};
use crate::record::StateRecord;

/// A reference to a value in the row of an aggregate, with the kind to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// The column or the JSON path.
    pub source: FieldSource,
    /// The kind of the value; for a column, the kind of the column.
    pub kind: Kind,
}

/// The source of a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FieldSource {
    /// A column beside the state.
    Column(Column),
    /// A JSON path in the state: names of object members. If a name is applied to a value other
    /// than an object, the field is null.
    Path(Vec<String>),
}

/// A column of the stored row beside the state itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// The resource, a text.
    Resource,
    /// The identifier, a UUID.
    Identifier,
    /// The version, a number.
    Version,
    /// The revision of the aggregate type, a number.
    Revision,
    /// The time of creation of the aggregate.
    CreatedAt,
    /// The actor that created the aggregate, a UUID.
    CreatedBy,
    /// The time of its last event.
    UpdatedAt,
    /// The actor of its last event, a UUID.
    UpdatedBy,
    /// The time of closing of the aggregate; null if it is open.
    ClosedAt,
    /// The realm, a text.
    Realm,
}

impl Column {
    /// Returns the kind of the column's values.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Resource | Self::Realm => Kind::Text,
            Self::Identifier | Self::CreatedBy | Self::UpdatedBy => Kind::Uuid,
            Self::Version | Self::Revision => Kind::Number,
            Self::CreatedAt | Self::UpdatedAt | Self::ClosedAt => Kind::Time,
        }
    }

    /// Returns the name of the column in `resource_state`.
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

macro_rules! kinds {
    ($($(#[$docs:meta])* $name:ident $kind:ident)*) => {
        $(
            $(#[$docs])*
            ///
            /// `path` is a list of member names, separated by dots. Use [`Field::at`] for names
            /// that contain a dot.
            pub fn $name(path: &str) -> Self {
                Self::at(path.split('.'), Kind::$kind)
            }
        )*
    };
}

impl Field {
    kinds! {
        /// Returns a field of the state that is read as `true` or `false`.
        boolean Boolean
        /// Returns a field of the state that is read as a decimal number.
        number Number
        /// Returns a field of the state that is read as a text.
        text Text
        /// Returns a field of the state that is read as a UUID.
        uuid Uuid
        /// Returns a field of the state that is read as an instant.
        time Time
    }

    /// Returns a column of the stored row.
    pub const fn column(column: Column) -> Self {
        Self { source: FieldSource::Column(column), kind: column.kind() }
    }

    /// Returns a field of the state by the names of the members.
    ///
    /// # Examples
    /// ```
    /// use fluvius_store::query::{Field, Kind};
    ///
    /// assert_eq!(Field::text("address.city"), Field::at(["address", "city"], Kind::Text));
    /// let dotted = Field::at(["a.b"], Kind::Number);
    /// ```
    pub fn at<N: Into<String>>(names: impl IntoIterator<Item = N>, kind: Kind) -> Self {
        Self { source: FieldSource::Path(names.into_iter().map(Into::into).collect()), kind }
    }

    /// Returns the value of the field in a row; `None` is null.
    pub fn of(&self, row: &StateRecord) -> Option<Operand> {
        match &self.source {
            FieldSource::Column(column) => column.of(row).filter(|value| value.kind() == self.kind),
            FieldSource::Path(path) => read_at(row.data.as_str(), path, self.kind),
        }
    }

    /// Returns the condition that the field equals the operand.
    pub fn eq(self, operand: impl Into<Operand>) -> Filter {
        self.compare(Comparison::Eq, operand)
    }

    /// Returns the condition that the field differs from the operand.
    pub fn ne(self, operand: impl Into<Operand>) -> Filter {
        self.compare(Comparison::Ne, operand)
    }

    /// Returns the condition that the field is less than the operand.
    pub fn lt(self, operand: impl Into<Operand>) -> Filter {
        self.compare(Comparison::Lt, operand)
    }

    /// Returns the condition that the field is less than the operand, or equals it.
    pub fn le(self, operand: impl Into<Operand>) -> Filter {
        self.compare(Comparison::Le, operand)
    }

    /// Returns the condition that the field is greater than the operand.
    pub fn gt(self, operand: impl Into<Operand>) -> Filter {
        self.compare(Comparison::Gt, operand)
    }

    /// Returns the condition that the field is greater than the operand, or equals it.
    pub fn ge(self, operand: impl Into<Operand>) -> Filter {
        self.compare(Comparison::Ge, operand)
    }

    /// Returns the condition that the field is between two operands, or equals one of them.
    pub fn between(self, low: impl Into<Operand>, high: impl Into<Operand>) -> Filter {
        self.clone().ge(low) & self.le(high)
    }

    /// Returns the condition that the field equals one of the operands. Without operands it is
    /// false.
    pub fn one_of<O: Into<Operand>>(self, operands: impl IntoIterator<Item = O>) -> Filter {
        let operands = operands.into_iter().map(Into::into).collect();
        Filter::OneOf { field: self, operands }
    }

    /// Returns the condition that the field contains this text, case-sensitively. Every text
    /// contains the empty text.
    pub fn contains(self, text: impl Into<String>) -> Filter {
        Filter::Contains { field: self, text: text.into() }
    }

    /// Returns the condition that the field begins with this text, case-sensitively.
    pub fn starts_with(self, text: impl Into<String>) -> Filter {
        Filter::StartsWith { field: self, text: text.into() }
    }

    /// Returns the condition that the field is null: the value is absent, JSON's `null`, or of
    /// another kind.
    pub fn is_null(self) -> Filter {
        Filter::IsNull { field: self }
    }

    /// Returns the ascending order by this field, with null before all values.
    pub fn ascending(self) -> SortKey {
        SortKey { field: self, is_descending: false }
    }

    /// Returns the descending order by this field, with null after all values.
    pub fn descending(self) -> SortKey {
        SortKey { field: self, is_descending: true }
    }

    fn compare(self, comparison: Comparison, operand: impl Into<Operand>) -> Filter {
        Filter::Compare { field: self, comparison, operand: operand.into() }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            FieldSource::Column(column) => write!(f, "column `{}`", column.name()),
            FieldSource::Path(path) => write!(f, "{} `{}`", self.kind, path.join(".")),
        }
    }
}
