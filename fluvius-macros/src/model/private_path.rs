//! The one path that generated code may start from.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::Path;

use crate::errors::Errors;
use crate::parse::token_text::token_text;

/// Prints `::fluvius_core::__private`, or the same below the path of `crate = ..`.
#[derive(Clone)]
pub(crate) struct PrivatePath {
    tokens: TokenStream,
    /// False for a path with `$crate`, which text cannot express.
    is_text: bool,
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
            return Self { tokens: quote!(::#path::__private), is_text: true };
        }
        Self { tokens: quote!(#path::__private), is_text: !of_macro }
    }

    fn standard() -> Self {
        Self { tokens: quote!(::fluvius_core::__private), is_text: true }
    }

    /// The name under which a block of generated code imports the path.
    pub(crate) fn alias() -> Self {
        Self { tokens: quote!(__fluvius), is_text: true }
    }

    /// The path of serde, for `#[serde(crate = "..")]`.
    pub(crate) fn serde(&self) -> String {
        let path = token_text(&self.tokens);
        format!("{}::serde", path.trim_start())
    }

    /// Returns the same for the struct `ident`, and an import if text cannot express the path.
    pub(crate) fn serde_beside(&self, ident: &Ident) -> (Option<TokenStream>, String) {
        if self.is_text {
            return (None, self.serde());
        }
        let alias = quote::format_ident!("__fluvius_serde_{}", ident);
        let import = quote!(use #self::serde as #alias;);
        (Some(import), alias.to_string())
    }
}

impl ToTokens for PrivatePath {
    fn to_tokens(&self, out: &mut TokenStream) {
        self.tokens.to_tokens(out);
    }
}
