//! Generates `impl Rejection`: the code of each case, either its own or that of the inner error.

use proc_macro2::TokenStream;
use quote::quote;

use super::spans::{generated_ident, own_name};
use crate::model::rejection::{Case, CaseAnswer, Rejection};

pub(crate) fn rejection(rejection: &Rejection) -> TokenStream {
    let Rejection { private, generics, inherited, .. } = rejection;
    let ident = own_name(&rejection.ident, inherited.deprecated.is_some());
    let allows = &inherited.allows;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let code = each(rejection, |case| match &case.answer {
        CaseAnswer::Code(code) => quote!(#code),
        CaseAnswer::Inner(_, 0) => quote!(#private::Rejection::code(__fluvius_inner)),
        CaseAnswer::Inner(_, boxes) => {
            let stars = (0..=*boxes).map(|_| quote!(*));
            quote!(#private::Rejection::code(&#(#stars)*__fluvius_inner))
        }
    });
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #impl_generics #private::Rejection for #ident #type_generics #where_clause {
            fn code(&self) -> &str { #code }
        }
    }
}

/// Generates a `match` with one arm per case.
fn each(rejection: &Rejection, answer: impl Fn(&Case) -> TokenStream) -> TokenStream {
    if rejection.cases.is_empty() {
        return quote!(match *self {});
    }
    let arms = rejection.cases.iter().map(|case| {
        let ident = generated_ident(&case.ident);
        let path = if rejection.is_enum { quote!(Self::#ident) } else { quote!(Self) };
        let pattern = match &case.answer {
            CaseAnswer::Code(_) => quote!({ .. }),
            CaseAnswer::Inner(member, _) => quote!({ #member: __fluvius_inner }),
        };
        let answer = answer(case);
        quote!(#path #pattern => #answer,)
    });
    quote!(match self { #(#arms)* })
}
