//! Collects the author's mistakes, so that one compile shows all of them.
//!
//! The phases find the mistakes; this module only stores them.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;

/// The mistakes so far, in the order of their detection.
#[must_use = "call `finish`, or the author's mistakes are lost"]
pub(crate) struct Errors {
    all: Vec<syn::Error>,
    finished: bool,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self { all: Vec::new(), finished: false }
    }

    /// Records a mistake that covers the given tokens.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Records a mistake at a span.
    pub(crate) fn at_span(&mut self, span: Span, message: impl std::fmt::Display) {
        self.push(syn::Error::new(span, message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        self.all.push(error);
    }

    /// Returns the value, or records the error and continues.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.push(error);
                None
            }
        }
    }

    /// Returns the number of recorded mistakes. A phase compares two counts to check that a part of
    /// the block is valid.
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// Returns the mistakes as tokens that make the compiler report them.
    pub(crate) fn finish(mut self) -> TokenStream {
        self.finished = true;
        self.all.iter().map(|error| without_core(error.to_compile_error())).collect()
    }

    /// Returns the mistakes as text, for the table tests.
    #[cfg(test)]
    pub(crate) fn finish_as_messages(mut self) -> Vec<String> {
        self.finished = true;
        self.all.iter().flat_map(|error| error.into_iter().map(|part| part.to_string())).collect()
    }
}

/// Returns `compile_error!` without its path, since `::core` may be another crate.
fn without_core(tokens: TokenStream) -> TokenStream {
    let is_path = |token: &TokenTree| match token {
        TokenTree::Ident(word) => word == "core",
        TokenTree::Punct(punct) => punct.as_char() == ':',
        TokenTree::Group(_) | TokenTree::Literal(_) => false,
    };
    tokens.into_iter().filter(|token| !is_path(token)).collect()
}

impl Drop for Errors {
    fn drop(&mut self) {
        debug_assert!(self.finished || std::thread::panicking(), "errors were not finished");
    }
}
