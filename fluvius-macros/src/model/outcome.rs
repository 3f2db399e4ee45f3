//! The return type of an action.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::private_path::PrivatePath;
use super::self_type::SelfType;
use super::types;

pub(crate) struct Outcome {
    /// The type as written.
    pub(crate) written: Type,
    /// The type with `Self` replaced.
    pub(crate) ty: TokenStream,
    /// `T` of a written `Result<T, ..>`, with `Self` replaced.
    pub(crate) ok: Option<TokenStream>,
    /// `E` of a written `Result<T, E>`, as written and with `Self` replaced.
    pub(crate) err: Option<(Type, TokenStream)>,
    pub(crate) answer: Answer,
    /// Set if the type is certainly not a `Result`. For most types this is unknown, since an alias
    /// may hide one.
    pub(crate) is_no_result: bool,
}

/// The data of the response. It is derived from the written type alone: an alias that hides `()`
/// counts as data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The new state, for `Result<(), _>` and `Result<Self, _>`.
    State,
    /// The data that the action returned.
    Data,
}

impl Outcome {
    pub(crate) fn lower(written: &Type, creates: bool, self_type: Option<&SelfType>) -> Self {
        let replaced = |ty: &Type| match self_type {
            Some(self_type) => self_type.replace_in(ty.to_token_stream()),
            None => ty.to_token_stream(),
        };
        let ok_type = ok_type(written);
        let is_state = ok_type.is_some_and(|ok| {
            types::is_unit(ok) || self_type.is_some_and(|self_type| self_type.is_named_by(ok))
        });
        Self {
            written: written.clone(),
            ty: replaced(written),
            ok: ok_type.map(replaced),
            err: err_type(written).map(|err| (err.clone(), replaced(err))),
            // A creating action answers with the state, even if an alias hides the type.
            answer: if creates || is_state { Answer::State } else { Answer::Data },
            is_no_result: types::is_of_std(written)
                || self_type.is_some_and(|self_type| self_type.is_named_by(written)),
        }
    }

    /// Returns the type of the data: as written if visible, so that the documentation shows it.
    pub(crate) fn data(&self, private: &PrivatePath) -> TokenStream {
        self.ok.clone().unwrap_or_else(|| self.hidden(private, "Data"))
    }

    /// Returns the type of the data for the receiver of a response: the owned form of a `'static`
    /// reference.
    pub(crate) fn sent_data(&self, private: &PrivatePath) -> TokenStream {
        let written = ok_type(&self.written).map(|ty| types::ungrouped(ty.clone()));
        match written {
            Some(Type::Reference(reference)) => {
                let referent = &reference.elem;
                quote!(<#referent as #private::ToOwned>::Owned)
            }
            _ => self.data(private),
        }
    }

    /// Returns the type of the error: as written if visible.
    pub(crate) fn error(&self, private: &PrivatePath) -> TokenStream {
        match &self.err {
            Some((_, err)) => err.clone(),
            None => self.hidden(private, "Error"),
        }
    }

    /// Returns a type that an alias hides. Its tokens have the span of the alias, so that messages
    /// point there.
    fn hidden(&self, private: &PrivatePath, part: &str) -> TokenStream {
        let ty = &self.ty;
        let place = self.place().resolved_at(Span::call_site());
        let part = Ident::new(part, place);
        quote_spanned! {place=>
            <#ty as #private::Returned<{ #private::probe!(#ty, IS_RESULT) }>>::#part
        }
    }

    /// Returns the span of the error.
    pub(crate) fn error_place(&self) -> Span {
        self.err.as_ref().map_or_else(|| self.place(), |(written, _)| written.span())
    }

    /// Returns the span of the data.
    pub(crate) fn data_place(&self) -> Span {
        ok_type(&self.written).map_or_else(|| self.place(), Spanned::span)
    }

    /// Returns the span of the return type.
    pub(crate) fn place(&self) -> Span {
        self.written.span()
    }

    /// Returns true if the event can hold the data. The data is read too, so it must be owned.
    pub(crate) fn is_sound_in_event(&self) -> bool {
        self.is_sound() && self.flaw_in_event().is_none()
    }

    /// Returns a flaw of the data that matters only in an event.
    pub(crate) fn flaw_in_event(&self) -> Option<types::Flaw<'_>> {
        types::flaw(ok_type(&self.written)?, false)
    }

    /// Returns true if a generated item can name the type.
    pub(crate) fn is_sound(&self) -> bool {
        !self.is_no_result && types::flaw(&self.written, true).is_none()
    }
}

/// Returns `E` of a type written `Result<T, E>`.
fn err_type(written: &Type) -> Option<&Type> {
    types::is_named(written, "Result")
        .then(|| types::arguments(written).into_iter().nth(1))
        .flatten()
}

/// Returns `T` of a type written `Result<T, ..>`.
pub(crate) fn ok_type(written: &Type) -> Option<&Type> {
    types::is_named(written, "Result")
        .then(|| types::arguments(written).into_iter().next())
        .flatten()
}
