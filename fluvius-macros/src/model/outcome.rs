//! What an action gives back.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::private_path::PrivatePath;
use super::self_type::SelfType;
use super::types;

pub(crate) struct Outcome {
    /// As written.
    pub(crate) written: Type,
    /// With `Self` replaced.
    pub(crate) ty: TokenStream,
    /// `T` of what is written `Result<T, ..>`, with `Self` replaced.
    pub(crate) ok: Option<TokenStream>,
    /// `E` of what is written `Result<T, E>`, as written and with `Self` replaced.
    pub(crate) err: Option<(Type, TokenStream)>,
    pub(crate) answer: Answer,
    /// True if it is known to be no `Result`. An alias may hide one, so most types are not.
    pub(crate) is_no_result: bool,
}

/// What the response carries. It is read from the written type alone: an alias
/// that hides `()` counts as data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The new state, for `Result<(), _>` and `Result<Self, _>`.
    State,
    /// What the rule returned.
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
            // A creating action gives the state whatever alias it is written with.
            answer: if creates || is_state { Answer::State } else { Answer::Data },
            is_no_result: types::is_of_std(written)
                || self_type.is_some_and(|self_type| self_type.is_named_by(written)),
        }
    }

    /// The type of what an action returns: as written where that can be seen, so that the
    /// documentation shows it.
    pub(crate) fn data(&self, private: &PrivatePath) -> TokenStream {
        self.ok.clone().unwrap_or_else(|| self.hidden(private, "Data"))
    }

    /// The same as the receiver of a response reads it: owned, where a `'static` reference is
    /// returned.
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

    /// The type of the error, as written where that can be seen.
    pub(crate) fn error(&self, private: &PrivatePath) -> TokenStream {
        match &self.err {
            Some((_, err)) => err.clone(),
            None => self.hidden(private, "Error"),
        }
    }

    /// Returns a type that an alias hides. The tokens stand at the alias, so that messages about it point there.
    fn hidden(&self, private: &PrivatePath, part: &str) -> TokenStream {
        let ty = &self.ty;
        let place = self.place().resolved_at(Span::call_site());
        let part = Ident::new(part, place);
        quote_spanned! {place=>
            <#ty as #private::Returned<{ #private::probe!(#ty, IS_RESULT) }>>::#part
        }
    }

    /// Returns the place of the error.
    pub(crate) fn error_place(&self) -> Span {
        self.err.as_ref().map_or_else(|| self.place(), |(written, _)| written.span())
    }

    /// Returns the place of the data.
    pub(crate) fn data_place(&self) -> Span {
        ok_type(&self.written).map_or_else(|| self.place(), Spanned::span)
    }

    /// Where it is written.
    pub(crate) fn place(&self) -> Span {
        self.written.span()
    }

    /// Returns whether the event can hold what is returned: it is read as well, so that it owns its data.
    pub(crate) fn is_sound_in_event(&self) -> bool {
        self.is_sound() && self.flaw_in_event().is_none()
    }

    /// The flaw of the data that only an event minds.
    pub(crate) fn flaw_in_event(&self) -> Option<types::Flaw<'_>> {
        types::flaw(ok_type(&self.written)?, false)
    }

    /// Whether a generated item can name the type.
    pub(crate) fn is_sound(&self) -> bool {
        !self.is_no_result && types::flaw(&self.written, true).is_none()
    }
}

/// `E` of a type that is written `Result<T, E>`.
fn err_type(written: &Type) -> Option<&Type> {
    types::is_named(written, "Result")
        .then(|| types::arguments(written).into_iter().nth(1))
        .flatten()
}

/// `T` of a type that is written `Result<T, ..>`.
pub(crate) fn ok_type(written: &Type) -> Option<&Type> {
    types::is_named(written, "Result")
        .then(|| types::arguments(written).into_iter().next())
        .flatten()
}
