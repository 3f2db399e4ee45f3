//! JSON schemas of the author's types.
//!
//! A type that implements `schemars::JsonSchema` has a schema, any other type has none: no type
//! needs the trait. Without the feature `schema` no type has a schema.

#[cfg(feature = "schema")]
mod bounds;
#[cfg(feature = "schema")]
mod documents;
mod type_schema;

#[cfg(feature = "schema")]
pub(crate) use documents::{event, output, payload, state};
pub use type_schema::{HasSchema, TypeSchema};
#[cfg(feature = "schema")]
pub use type_schema::{SchemaFunction, subschema};
