//! The one path that generated code may start from.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Path;

use crate::errors::Errors;
use crate::parse::token_text::token_text;

/// Prints `::fluvius_core::__private`, or the same below the path of `crate = ..`.
#[derive(Clone)]
pub(crate) struct PrivatePath {
    tokens: TokenStream,
}

impl PrivatePath {
    pub(crate) fn lower(written: Option<&Path>, errors: &mut Errors) -> Self {
        let Some(path) = written else {
            return Self::standard();
        };
        let first = path.segments.first().map(|segment| &segment.ident);
        let of_macro = first.is_some_and(|first| first == "$crate");
        let starts_at_crate = of_macro || first.is_some_and(|first| first == "crate");
        if path.leading_colon.is_none() && !starts_at_crate {
            let shown = token_text(&path);
            errors.at(
                path,
                format!(
                    "the path is used in every module, so it is absolute: write \
                     `crate = \"::{shown}\"`"
                ),
            );
            return Self { tokens: quote!(::#path::__private) };
        }
        Self { tokens: quote!(#path::__private) }
    }

    fn standard() -> Self {
        Self { tokens: quote!(::fluvius_core::__private) }
    }

    /// The name under which a block of generated code imports the path.
    pub(crate) fn alias() -> Self {
        Self { tokens: quote!(__fluvius) }
    }

    /// The path of serde, for `#[serde(crate = "..")]`.
    pub(crate) fn serde(&self) -> String {
        let path = token_text(&self.tokens);
        format!("{}::serde", path.trim_start())
    }
}

impl ToTokens for PrivatePath {
    fn to_tokens(&self, out: &mut TokenStream) {
        self.tokens.to_tokens(out);
    }
}
