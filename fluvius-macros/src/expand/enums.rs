//! Generates the enums of all commands and all events, so that a reader can `match` exhaustively.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::spans::{self, generated_ident};
use super::{Part, Scope, allow_deprecated, docs};
use crate::model::Action;

pub(crate) fn enums(scope: &Scope<'_>, parts: &[Part<'_>]) -> TokenStream {
    let commands = Enum {
        ident: generated_ident(&scope.aggregate.command_enum),
        about: docs::of_enum(scope, "commands"),
        variants: parts
            .iter()
            .map(|part| Variant::of(scope, part.action, &part.action.command, &part.action.key))
            .collect(),
        record: quote!(CommandRecord),
        read: quote!(command),
        unknown: quote!(unknown_command),
    };
    let events = Enum {
        ident: generated_ident(&scope.aggregate.event_enum),
        about: docs::of_enum(scope, "events"),
        variants: parts
            .iter()
            .filter_map(|part| {
                let event = part.action.event.as_ref()?;
                let mut variant = Variant::of(scope, part.action, &event.ident, &event.key.value());
                variant.deprecated = false;
                variant.about = docs::event_sentence(scope, part.action);
                Some(variant)
            })
            .collect(),
        record: quote!(EventRecord),
        read: quote!(event),
        unknown: quote!(unknown_event),
    };
    let commands = commands.expand(scope);
    let events = events.expand(scope);
    quote!(#commands #events)
}

struct Enum {
    ident: Ident,
    about: String,
    variants: Vec<Variant>,
    record: TokenStream,
    read: TokenStream,
    unknown: TokenStream,
}

struct Variant {
    ident: Ident,
    key: String,
    about: String,
    cfgs: TokenStream,
    deprecated: bool,
}

impl Variant {
    fn of(scope: &Scope<'_>, action: &Action, ident: &Ident, key: &str) -> Self {
        Self {
            ident: generated_ident(ident),
            key: key.to_owned(),
            about: docs::summary(action),
            cfgs: scope.cfgs(action),
            deprecated: action.deprecated.is_some(),
        }
    }
}

/// Returns the visibility of the enums, which the `impl` of a public trait names. It is public, so
/// that the compiler never reports the enums if the type of the block is more visible than its
/// actions.
fn enum_vis(scope: &Scope<'_>) -> TokenStream {
    spans::at(spans::generated(scope.self_type.ident.span()), quote!(pub))
}

impl Enum {
    fn expand(&self, scope: &Scope<'_>) -> TokenStream {
        let private = scope.private;
        let attributes = scope.block_attributes();
        let allow = allow_deprecated(self.variants.iter().any(|variant| variant.deprecated));
        let vis = enum_vis(scope);
        let hidden = (!scope.aggregate.is_public()).then(|| quote!(#[doc(hidden)]));
        let Self { ident, about, .. } = self;
        let variants = self.variants.iter().map(|variant| {
            let Variant { ident, about, cfgs, .. } = variant;
            quote!(#cfgs #[doc = #about] #ident(#ident))
        });
        let item = spans::item(
            scope.self_type.ident.span(),
            quote!(#vis enum #ident),
            quote!(#(#variants),*),
        );
        let record_conversion = self.record_conversion(scope);
        let conversion = scope.closed(&quote!(#attributes #allow), &record_conversion);
        quote! {
            #attributes
            #[doc = #about]
            #hidden
            #allow
            #[derive(#private::Clone, #private::Debug)]
            #item
            #conversion
        }
    }

    fn record_conversion(&self, scope: &Scope<'_>) -> TokenStream {
        let private = &scope.inner;
        let Self { ident, record, read, unknown, .. } = self;
        let name = &scope.aggregate.name;
        let arms = self.variants.iter().map(|variant| {
            let Variant { ident, key, cfgs, .. } = variant;
            quote!(#cfgs #key => #private::read!(#read, #ident, __row),)
        });
        quote! {
            #[automatically_derived]
            impl<'a> #private::core::convert::TryFrom<&'a #private::#record> for #ident {
                type Error = #private::DecodeError;
                // `Self::Error` could also be a variant.
                fn try_from(
                    __row: &'a #private::#record,
                ) -> #private::core::result::Result<Self, #private::DecodeError> {
                    use #private::StandIn as _;
                    let () = #private::Probe::<()>::USED;
                    match __row.key() {
                        #(#arms)*
                        _ => #private::core::result::Result::Err(
                            #private::#unknown(__row, #name),
                        ),
                    }
                }
            }
        }
    }
}
