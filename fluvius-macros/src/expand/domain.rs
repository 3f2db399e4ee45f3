//! Generates `impl Domain`, and the entry of the domain in the linked list.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::spans::own_name;
use super::{descriptor, registration};
use crate::model::domain::Domain;

pub(crate) fn domain(domain: &Domain) -> TokenStream {
    let Domain { private, name, namespace, title, description, tags, revision, .. } = domain;
    let ident = own_name(&domain.ident, domain.inherited.deprecated.is_some());
    let allows = &domain.inherited.allows;
    let location = descriptor::location(private, domain.place);
    let aggregates = domain.aggregates.iter().flatten().map(|ty| {
        quote_spanned! {ty.to_token_stream().span()=>
            <#ty as #private::OneBlockForEachType>::DESCRIPTOR
        }
    });
    let registration = registration::of_domain(domain);
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #private::Sealed for #ident {}
        #(#allows)*
        #[automatically_derived]
        impl #private::Domain for #ident {
            const METADATA: &'static #private::DomainMetadata = &#private::DomainMetadata {
                namespace: #namespace,
                title: #title,
                description: #description,
                tags: &[#(#tags),*],
                revision: #revision,
                type_name: #name,
                location: #location,
            };
            const AGGREGATES: &'static [&'static #private::AggregateDescriptor] =
                &[#(#aggregates),*];
        }
        #registration
    }
}
