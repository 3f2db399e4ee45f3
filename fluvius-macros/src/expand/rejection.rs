//! Generates `impl Rejection`: the code of each case, either its own or that of the inner error,
//! and the list of all codes.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::spans::{generated_ident, own_name};
use crate::model::PrivatePath;
use crate::model::rejection::{Case, CaseAnswer, Rejection};

pub(crate) fn rejection(rejection: &Rejection) -> TokenStream {
    let Rejection { private, generics, inherited, .. } = rejection;
    let ident = own_name(&rejection.ident, inherited.deprecated.is_some());
    let allows = &inherited.allows;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let code = each(rejection, |case| match &case.answer {
        CaseAnswer::Code(code) => quote!(#code),
        CaseAnswer::Inner(_, _, 0) => quote!(#private::Rejection::code(__fluvius_inner)),
        CaseAnswer::Inner(_, _, boxes) => {
            let stars = (0..=*boxes).map(|_| quote!(*));
            quote!(#private::Rejection::code(&#(#stars)*__fluvius_inner))
        }
    });
    let codes = rejection.cases.iter().map(|case| code_info(private, case));
    quote! {
        #(#allows)*
        #[automatically_derived]
        impl #impl_generics #private::Rejection for #ident #type_generics #where_clause {
            const CODES: #private::core::option::Option<&'static [#private::CodeInfo]> =
                #private::core::option::Option::Some(&[#(#codes),*]);
            fn code(&self) -> &str { #code }
        }
    }
}

/// Generates the entry of a case in the list of codes.
fn code_info(private: &PrivatePath, case: &Case) -> TokenStream {
    match &case.answer {
        CaseAnswer::Code(code) => {
            let Case { message, .. } = case;
            let status = Literal::u32_unsuffixed(case.status());
            let docs = case.docs.text(private);
            quote!(#private::CodeInfo::of(#code, #message, #status, #docs))
        }
        // In a closure, since an error type may contain itself.
        CaseAnswer::Inner(_, inner, _) => {
            quote!(#private::CodeInfo::Inner(|| #private::probe!(#inner, CODES)))
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
            CaseAnswer::Inner(member, ..) => quote!({ #member: __fluvius_inner }),
        };
        let answer = answer(case);
        quote!(#path #pattern => #answer,)
    });
    quote!(match self { #(#arms)* })
}
