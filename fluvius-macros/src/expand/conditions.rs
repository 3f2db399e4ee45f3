//! The requirements on the author's types, as conditions of the generated impls.
//!
//! An impl with an unmet condition adds no error, so that the error of the assertion is the only
//! one. The conditions are higher-ranked, because a plain bound that no type meets is an error.

use proc_macro2::TokenStream;
use quote::quote;

use super::spans::generated_ident;
use super::{Part, Scope};
use crate::model::action::contexts;
use crate::model::{Action, Answer, Lifecycle, Soundness};

/// Returns the `where` clause of `impl Command`.
pub(crate) fn of_command(scope: &Scope<'_>, part: &Part<'_>) -> TokenStream {
    let private = &scope.inner;
    let self_type = scope.self_type;
    let action = part.action;
    let command = generated_ident(&action.command);
    let mut conditions = vec![
        quote!(#self_type: #private::AggregateState),
        quote!(#command: #private::PayloadField),
    ];
    if part.soundness == Soundness::Sound
        && let Some(outcome) = &action.outcome
    {
        let error = outcome.error(private);
        conditions.push(quote!(#error: #private::ActionError));
        if let Some(required) = of_data(action) {
            let data = outcome.data(private);
            conditions.push(quote!(#data: #private::#required));
        }
    }
    let contexts = contexts(action).map(|ty| quote!(#ty: #private::IsActionContext));
    conditions.extend(contexts);
    if action.has_secrets() {
        conditions.extend(action.fields().filter(|field| !field.secret).map(|field| {
            let ty = &field.ty;
            quote!(#ty: #private::PayloadField)
        }));
    }
    quote!(where #(for<'f> #conditions),*)
}

/// Returns the trait for the data that an action returns, if it is not the state.
pub(crate) fn of_data(action: &Action) -> Option<TokenStream> {
    let outcome = action.outcome.as_ref()?;
    let has_data = outcome.answer == Answer::Data && action.lifecycle() != Some(Lifecycle::Create);
    has_data.then(|| if action.event_has_data() { quote!(EventData) } else { quote!(Answer) })
}
