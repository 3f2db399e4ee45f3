//! The model of a domain: its metadata, including defaults.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::{Generics, LitStr, Type};

use super::docs::Docs;
use super::inherited::Inherited;
use super::names;
use super::private_path::{PrivatePath, Root};
use crate::errors::Errors;
use crate::parse::derive_domain::SourceDomain;

pub(crate) struct Domain {
    pub(crate) private: PrivatePath,
    pub(crate) ident: Ident,
    pub(crate) inherited: Inherited,
    pub(crate) name: String,
    pub(crate) generics: Generics,
    /// `None` if the option is missing.
    pub(crate) aggregates: Option<Vec<Type>>,
    pub(crate) namespace: String,
    pub(crate) namespace_written: Option<LitStr>,
    pub(crate) title: String,
    /// The text of the option, or else of the doc comment.
    pub(crate) description: TokenStream,
    pub(crate) tags: Vec<LitStr>,
    pub(crate) revision: u32,
    pub(crate) place: Span,
}

pub(crate) fn lower(root: Root, source: SourceDomain, errors: &mut Errors) -> Domain {
    let name = names::plain(&source.ident);
    let text = |written: Option<LitStr>, derived: String| {
        written.map_or(derived, |written| written.value())
    };
    let private = PrivatePath::lower(root, source.crate_path.as_ref(), errors);
    let description = match source.description {
        Some(written) => written.to_token_stream(),
        None => Docs::of(&source.attributes).description(&private),
    };
    Domain {
        private,
        inherited: Inherited::of(&source.attributes),
        namespace: text(source.namespace.clone(), names::namespace(&name)),
        namespace_written: source.namespace,
        title: text(source.title, names::words(&name)),
        description,
        tags: source.tags.map(|tags| tags.list).unwrap_or_default(),
        revision: source.revision.map_or(0, |revision| revision.value),
        aggregates: source.aggregates,
        generics: source.generics,
        place: source.ident.span(),
        ident: source.ident,
        name,
    }
}
