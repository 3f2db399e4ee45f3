//! Generates the entries in the linked list.
//!
//! Only the call of `submit!` is generated. fluvius-core defines its expansion, which is empty
//! without the feature `inventory`.

use proc_macro2::TokenStream;
use quote::quote;

use super::Scope;
use super::spans::{generated_ident, own_name};
use crate::model::{Action, domain::Domain};

pub(crate) fn of_action(scope: &Scope<'_>, action: &Action) -> TokenStream {
    let private = &scope.inner;
    let ident = generated_ident(&action.command);
    quote! {
        #private::submit_action!(#ident);
    }
}

pub(crate) fn of_domain(domain: &Domain) -> TokenStream {
    let private = &domain.private;
    let ident = own_name(&domain.ident, domain.inherited.deprecated.is_some());
    quote! {
        #private::submit! {
            #private::Registration::domain(
                <#ident as #private::Domain>::METADATA,
                <#ident as #private::Domain>::AGGREGATES
            )
        }
    }
}
