//! State queries as plain data: which aggregates, in which order, how many, and what that means.
//!
//! A store compiles a [`StateQuery`] to its own language with bound parameters, or hands its rows
//! to [`StateQuery::select`], which is what the memory store does. Both must give the same.
//!
//! | file | what it owns |
//! |---|---|
//! | `state_query` | [`StateQuery`] and how it selects from rows |
//! | `filter` | [`Filter`]: the tree of conditions, and its three-valued truth |
//! | `field` | [`Field`], [`Column`]: references to a column or a JSON path, with a value kind |
//! | `index` | [`FieldIndex`]: a field that a store may index |
//! | `value` | [`Operand`], [`Kind`]: the values that are compared |
//! | `number` | [`Number`]: a decimal value of any length |
//! | `read` | reading JSON as a value of a kind |
//! | `sort` | [`SortKey`]: the order |
//! | `cursor` | [`Cursor`]: where the next page begins |
//! | `constraint` | [`Constraint`]: what a query says of a field, for a store that keeps an index of it |
//! | `limits` | how large a query may be, and [`QueryError`] |
//!
//! # What a field is
//!
//! A field is a place and a [`Kind`]: `Field::number("balance")` is the value at `balance` read as a
//! number. It has a value or is null. It is null if the path leads nowhere, if
//! JSON's `null` is there, and if the value there is of another kind.
//!
//! | kind | is read from | order |
//! |---|---|---|
//! | [`Kind::Boolean`] | `true`, `false` | `false` first |
//! | [`Kind::Number`] | a JSON number, or a string that holds one: `10`, `10.0`, `"10.00"`, `"1e1"` are equal | by value, whatever the number of digits |
//! | [`Kind::Text`] | a string | by code point; nothing is folded or trimmed |
//! | [`Kind::Uuid`] | a string of 36 characters, hyphenated, in either case | by its bytes |
//! | [`Kind::Time`] | a string as RFC 3339 with `T` and an offset; finer parts than microseconds are cut off | by instant |
//!
//! A string that holds a number is of at most 6,000 bytes, and its exponent of at most four
//! digits. A time has a year from 0001 to 9999, and no leap second. Anything else is null.
//!
//! # Truth
//!
//! A condition on a field that is null is neither true nor false, but
//! [`is_null`](Field::is_null), which is always one of the two. `&`, `|` and `!` follow
//! Kleene's tables, as SQL does: a row is given where the whole is true. So a filter on one field
//! and its negation split the rows on which that field is not null.
//!
//! # Examples
//!
//! ```
//! use fluvius_store::query::{Column, Field};
//!
//! let rich = Field::number("balance").ge(1_000) & Field::text("owner_name").starts_with("Ada");
//! let moved = Field::column(Column::Version).gt(1) | !Field::text("address.city").eq("London");
//! ```

mod compiled;
mod constraint;
mod cursor;
mod field;
mod filter;
mod index;
mod limits;
mod log_query;
mod number;
mod read;
mod sort;
mod state_query;
mod storable;
mod value;

pub use compiled::CompiledFilter;
pub use constraint::Constraint;
pub use cursor::{Cursor, ParseCursorError};
pub use field::{Column, Field, FieldSource};
pub use filter::{Comparison, Filter};
pub use index::FieldIndex;
pub use limits::{MAX_FILTER_DEPTH, MAX_PATH_LENGTH, MAX_SORT_KEYS, MAX_TERMS, QueryError};
pub use log_query::{LogQuery, RealmFilter};
pub use number::{Number, ParseNumberError};
pub use read::{read, read_at};
pub use sort::SortKey;
pub use state_query::StateQuery;
pub use value::{Kind, Operand};
