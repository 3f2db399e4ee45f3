//! Parses the list in `index(owner_name: text, "address.city": text)`.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{DeriveInput, LitStr, Token, Type};

use crate::errors::Errors;

/// A field as written. The kind may be missing.
pub(crate) struct SourceIndex {
    pub(crate) place: IndexPlace,
    pub(crate) kind: Option<Ident>,
}

/// The location of the field in the state.
pub(crate) enum IndexPlace {
    /// A field of the type.
    Field(Ident),
    /// A path into the JSON of the state.
    Path(LitStr),
}

/// The fields of one type, as the attribute macro passes them to its own derive.
pub(crate) struct IndexedFields {
    pub(crate) ty: Type,
    pub(crate) fields: Vec<Ident>,
}

impl IndexedFields {
    pub(crate) fn parse(item: TokenStream, errors: &mut Errors) -> Option<Self> {
        let item: DeriveInput = errors.keep(syn::parse2(item))?;
        let attribute =
            item.attrs.iter().find(|attribute| attribute.path().is_ident("fluvius_indexed"))?;
        errors.keep(attribute.parse_args_with(|input: ParseStream<'_>| {
            let ty = input.parse()?;
            input.parse::<Token![;]>()?;
            let fields =
                Punctuated::<Ident, Token![,]>::parse_terminated_with(input, Ident::parse_any)?;
            Ok(Self { ty, fields: fields.into_iter().collect() })
        }))
    }
}

pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Vec<SourceIndex> {
    let parser = Punctuated::<SourceIndex, Token![,]>::parse_terminated;
    errors.keep(parser.parse2(tokens)).unwrap_or_default().into_iter().collect()
}

impl Parse for SourceIndex {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let place = if input.peek(LitStr) {
            IndexPlace::Path(input.parse()?)
        } else {
            let ident = input.call(Ident::parse_any);
            let ident = ident.map_err(|error| {
                syn::Error::new(
                    error.span(),
                    "write a field and as what it is read: `owner_name: text`",
                )
            });
            IndexPlace::Field(ident?)
        };
        let kind = match input.parse::<Option<Token![:]>>()? {
            Some(_) => {
                let kind = input.call(Ident::parse_any);
                let kind = kind.map_err(|error| {
                    syn::Error::new(error.span(), "the kind is a word: `owner_name: text`")
                });
                Some(kind?)
            }
            None => None,
        };
        Ok(Self { place, kind })
    }
}

impl ToTokens for IndexPlace {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Field(ident) => quote!(#ident),
            Self::Path(path) => quote!(#path),
        });
    }
}
