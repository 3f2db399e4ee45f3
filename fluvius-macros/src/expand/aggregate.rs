//! Generates `impl Aggregate`, with the list of actions that a domain runs.

use proc_macro2::TokenStream;
use quote::quote;

use super::spans::{self, at, generated, generated_ident};
use super::{Part, Scope, allow_deprecated, assertions, descriptor, indexes};
use crate::parse::token_text::type_text;

pub(crate) fn aggregate(scope: &Scope<'_>, parts: &[Part<'_>]) -> TokenStream {
    let private = &scope.inner;
    let aggregate = scope.aggregate;
    let self_type = scope.self_type;
    let attributes = scope.block_attributes();
    let allow = allow_deprecated(parts.iter().any(|part| part.action.deprecated.is_some()));
    let resources = &aggregate.resources;
    let revision = aggregate.revision;
    // Without an upcast the default of the trait applies.
    let upcast = aggregate.upcast.as_ref().map(|upcast| {
        let path = &upcast.path;
        let option = quote!(#private::core::option::Option);
        // The type annotation makes the compiler report the expected type at the path.
        quote! {
            const UPCAST: #option<#private::Upcast> = {
                let upcast: #private::Upcast = #path;
                #option::Some(upcast)
            };
        }
    });
    let docs = aggregate.docs.first.as_ref().map(|_| {
        let docs = aggregate.docs.text(private);
        quote!(const DOCS: &'static str = #docs;)
    });
    let name = type_text(&aggregate.written_type);
    let location = descriptor::location(private, self_type.ident.span());
    let actions = parts.iter().map(|part| {
        let cfgs = scope.cfgs(part.action);
        let ident = generated_ident(&part.action.command);
        quote!(#cfgs #private::Probe::<#ident>::ACTION)
    });
    let events = parts.iter().filter_map(|part| {
        let cfgs = scope.cfgs(part.action);
        let ident = generated_ident(&part.action.event.as_ref()?.ident);
        Some(quote!(#cfgs #private::Probe::<#ident>::EVENT))
    });
    let command_enum = generated_ident(&aggregate.command_enum);
    let event_enum = generated_ident(&aggregate.event_enum);
    let (indexes, assertion) = (indexes::constant(scope), indexes::assertion(scope));
    let place = generated(self_type.ident.span());
    let types = at(
        place,
        quote! {
            type Command = #command_enum;
            type Event = #event_enum;
        },
    );
    let implementation = spans::implementation(
        self_type.ident.span(),
        quote!(impl #private::Aggregate for),
        &quote!(#self_type where for<'f> #self_type: #private::AggregateState),
        quote! {
            const RESOURCES: &'static [&'static str] = &[#(#resources),*];
            const REVISION: u32 = #revision;
            #upcast
            const ACTIONS: &'static [&'static #private::ActionDescriptor] = &[#(#actions),*];
            const EVENTS: &'static [&'static #private::EventDescriptor] = &[#(#events),*];
            #indexes
            #docs
            const STATE: #private::TypeSchema = #private::schema!(#self_type, #name);
            const LOCATION: #private::Location = #location;
            const INSPECT: #private::Inspect<Self> = #private::inspect!(Self);
            #types
        },
    );
    let state = assertions::of_state(scope);
    let (visibility, actions) = visibility(scope, parts);
    let listed = spans::implementation(
        self_type.ident.span(),
        quote!(impl #private::OneBlockForEachType for),
        &quote!(#self_type),
        quote! {
            #actions
            const DESCRIPTOR: &'static #private::AggregateDescriptor =
                #private::Probe::<#self_type>::DESCRIPTOR;
        },
    );
    let items = quote! {
        #visibility
        use #private::StandIn as _;
        let () = #private::Probe::<()>::USED;

        #assertion

        #[automatically_derived]
        #implementation

        #[automatically_derived]
        #listed

        #state
    };
    scope.closed(&quote!(#attributes #allow), &items)
}

/// Generates a type as visible as the actions, and its use in the `impl` of a public trait. If the
/// type of the block is more visible, the compiler reports it by name, at the first action.
fn visibility(scope: &Scope<'_>, parts: &[Part<'_>]) -> (Option<TokenStream>, TokenStream) {
    let place = parts.first().map(|part| part.action.method.span());
    match place.filter(|_| !scope.aggregate.is_public()) {
        None => (
            None,
            quote!(
                type Actions = ();
            ),
        ),
        Some(place) => {
            let place = generated(place);
            let vis = &scope.aggregate.vis;
            let name = quote::format_ident!("WritePubFnBecauseTheTypeIsPublic", span = place);
            (Some(at(place, quote!(#vis enum #name {}))), at(place, quote!(type Actions = #name;)))
        }
    }
}
