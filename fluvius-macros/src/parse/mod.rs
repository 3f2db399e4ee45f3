//! The parser: converts syntax to source types. The model decides their meaning.

pub(crate) mod action_args;
pub(crate) mod aggregate_args;
pub(crate) mod arg_attrs;
pub(crate) mod derive_domain;
pub(crate) mod derive_rejection;
pub(crate) mod impl_block;
pub(crate) mod indexes;
mod option_list;
pub(crate) mod options;
pub(crate) mod token_text;
pub(crate) mod tokens;

pub(crate) use impl_block::{SourceAction, SourceBlock, SourceParam};
pub(crate) use indexes::{IndexPlace, IndexedFields, SourceIndex};
