//! Parses the type under `#[derive(Domain)]` and its `#[domain(..)]`.

use proc_macro2::TokenStream;
use syn::{Attribute, DeriveInput, Generics, Ident, LitStr, Path, Type};

use super::options::{Integer, Options, Strings};
use crate::errors::Errors;
use crate::keywords;

pub(crate) struct SourceDomain {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) aggregates: Option<Vec<Type>>,
    pub(crate) namespace: Option<LitStr>,
    pub(crate) revision: Option<Integer>,
    pub(crate) tags: Option<Strings>,
    pub(crate) title: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) crate_path: Option<Path>,
}

pub(crate) fn parse(item: TokenStream, errors: &mut Errors) -> Option<SourceDomain> {
    let input: DeriveInput = errors.keep(syn::parse2(item))?;
    let mut options = Options::of_attributes("domain", &input.attrs, keywords::OF_DOMAIN, errors);
    Some(SourceDomain {
        ident: input.ident,
        generics: input.generics,
        attributes: input.attrs,
        aggregates: options.take(keywords::AGGREGATES).and_then(|option| option.types(errors)),
        namespace: options.string(keywords::NAMESPACE, errors),
        revision: options.take(keywords::REVISION).and_then(|option| option.integer(errors)),
        tags: options.take(keywords::TAGS).and_then(|option| option.strings(errors)),
        title: options.string(keywords::TITLE, errors),
        description: options.string(keywords::DESCRIPTION, errors),
        crate_path: options.take(keywords::CRATE).and_then(|option| option.path(errors)),
    })
}
