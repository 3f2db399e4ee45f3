//! The private path, the start of every path to the framework in generated code.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Path;

use crate::errors::Errors;
use crate::parse::token_text::token_text;

/// The crate through which an author uses the macros. Each exports its own copy of every macro.
#[derive(Clone, Copy)]
pub(crate) enum Root {
    /// `fluvius`.
    Facade,
    /// `fluvius-core`, for programs that depend on it directly.
    Core,
}

/// A path that prints as `::fluvius::__private`, or as the same module of another crate or of the
/// path given with `crate = ..`.
#[derive(Clone)]
pub(crate) struct PrivatePath {
    tokens: TokenStream,
}

impl PrivatePath {
    pub(crate) fn lower(root: Root, written: Option<&Path>, errors: &mut Errors) -> Self {
        let Some(path) = written else {
            return Self::of_root(root);
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

    fn of_root(root: Root) -> Self {
        let tokens = match root {
            Root::Facade => quote!(::fluvius::__private),
            Root::Core => quote!(::fluvius_core::__private),
        };
        Self { tokens }
    }

    /// Returns the name under which a block of generated code imports the path.
    pub(crate) fn alias() -> Self {
        Self { tokens: quote!(__fluvius) }
    }

    /// Returns the path of serde, for `#[serde(crate = "..")]`.
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
