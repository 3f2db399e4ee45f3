//! State queries as plain data, and their semantics.
//!
//! A store compiles a [`StateQuery`] to its own language with bound parameters, or passes its rows
//! to [`StateQuery::select`], as the memory store does. Both must give the same result.
//!
//! | file | contents |
//! |---|---|
//! | `state_query` | [`StateQuery`] and its selection of rows |
//! | `scan` | [`StateScan`]: the result of a query with a bound on the scanned rows |
//! | `log_query` | [`LogQuery`], [`RealmFilter`] |
//! | `filter` | [`Filter`]: a tree of conditions with three-valued logic |
//! | `compiled` | [`CompiledFilter`]: a filter prepared for many rows |
//! | `field` | [`Field`], [`Column`]: references to a column or a JSON path, with a value kind |
//! | `index` | [`FieldIndex`]: a field that a store may index |
//! | `value` | [`Operand`], [`Kind`]: the compared values |
//! | `number` | [`Number`]: a decimal value of any length |
//! | `read` | reading JSON as a value of a kind |
//! | `sort` | [`SortKey`]: the order |
//! | `cursor` | [`Cursor`]: the start of the next page |
//! | `constraint` | [`Constraint`]: a constraint on one field, for a store that indexes it |
//! | `limits` | the limits of a query, and [`QueryError`] |
//! | `storable` | names that no store can hold |
//!
//! # Fields
//!
//! A field is a source and a [`Kind`]: `Field::number("balance")` is the value at `balance` read as
//! a number. A field is null if there is no value at its path, or if the value is JSON's `null` or
//! of another kind.
//!
//! | kind | read from | order |
//! |---|---|---|
//! | [`Kind::Boolean`] | `true`, `false` | `false` first |
//! | [`Kind::Number`] | a JSON number, or a string that contains one: `10`, `10.0`, `"10.00"`, `"1e1"` are equal | by value, whatever the number of digits |
//! | [`Kind::Text`] | a string | by code point, without case folding or trimming |
//! | [`Kind::Uuid`] | a string of 36 characters, hyphenated, in either case | by its bytes |
//! | [`Kind::Time`] | a string as RFC 3339 with `T` and an offset; finer parts than microseconds are truncated | by instant |
//!
//! A string that contains a number has at most 6,000 bytes, and its exponent at most four digits. A
//! time has a year from 0001 to 9999, and no leap second. Anything else is null.
//!
//! # Three-valued logic
//!
//! A condition on a null field is neither true nor false, except [`is_null`](Field::is_null), which
//! is always one of the two. `&`, `|` and `!` follow Kleene's three-valued logic, as SQL does. A
//! row is returned if the whole filter is true. So a filter on one field and its negation split the
//! rows on which that field is not null.
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
mod scan;
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
pub use scan::{MAX_CANDIDATES, StateScan};
pub use sort::SortKey;
pub use state_query::StateQuery;
pub use value::{Kind, Operand};
