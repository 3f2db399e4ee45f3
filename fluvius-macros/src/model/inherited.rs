//! The attributes of an item that generated items inherit, including those under `cfg_attr`.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, MetaNameValue, Token};

/// The attributes that are copied to the items generated for a method or a block.
#[derive(Default)]
pub(crate) struct Inherited {
    pub(crate) cfgs: Vec<Attribute>,
    /// `#[allow(..)]`, and `#[expect(..)]` as `#[allow(..)]`, since an expected lint need not fire
    /// in a generated item.
    pub(crate) allows: Vec<Attribute>,
    pub(crate) deprecated: Option<Deprecated>,
}

pub(crate) struct Deprecated {
    pub(crate) attribute: Attribute,
    /// The predicate of the surrounding `cfg_attr`.
    pub(crate) condition: Option<TokenStream>,
    pub(crate) since: Option<LitStr>,
    pub(crate) note: Option<LitStr>,
}

impl Deprecated {
    /// Reads `#[deprecated]`, `#[deprecated = "note"]` or
    /// `#[deprecated(since = "..", note = "..")]`. The compiler checks the rest.
    fn of(condition: Option<&TokenStream>, attribute: &Attribute) -> Option<Self> {
        let (mut since, mut note) = (None, None);
        match &attribute.meta {
            Meta::Path(_) => {}
            Meta::NameValue(pair) => note = text(&pair.value),
            Meta::List(list) => {
                let parser = Punctuated::<MetaNameValue, Token![,]>::parse_terminated;
                for pair in list.parse_args_with(parser).into_iter().flatten() {
                    if pair.path.is_ident("since") {
                        since = text(&pair.value);
                    } else if pair.path.is_ident("note") {
                        note = text(&pair.value);
                    }
                }
            }
        }
        let shown = under(condition, &attribute.meta)?;
        Some(Self { attribute: shown, condition: condition.cloned(), since, note })
    }
}

fn text(expr: &Expr) -> Option<LitStr> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
        _ => None,
    }
}

impl Inherited {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let mut inherited = Self::default();
        for Conditional { condition, attribute } in flat(attributes) {
            let path = attribute.path();
            if path.is_ident("cfg") {
                inherited.cfgs.extend(cfg(condition.as_ref(), &attribute));
            } else if path.is_ident("allow") || path.is_ident("expect") {
                inherited.allows.extend(allow(condition.as_ref(), &attribute));
            } else if path.is_ident("deprecated") && inherited.deprecated.is_none() {
                inherited.deprecated = Deprecated::of(condition.as_ref(), &attribute);
            }
        }
        inherited
    }
}

/// An attribute with the condition of the surrounding `cfg_attr`.
pub(crate) struct Conditional {
    pub(crate) condition: Option<TokenStream>,
    pub(crate) attribute: Attribute,
}

/// Expands each `cfg_attr` into its attributes.
pub(crate) fn flat(attributes: &[Attribute]) -> Vec<Conditional> {
    let mut all = Vec::new();
    for attribute in attributes {
        match &attribute.meta {
            Meta::List(list) if list.path.is_ident("cfg_attr") => {
                let mut parts = split_at_commas(list.tokens.clone()).into_iter();
                let predicate = parts.next().unwrap_or_default();
                let inner: Vec<Attribute> = parts
                    .filter_map(|part| Attribute::parse_outer.parse2(quote!(#[#part])).ok())
                    .flatten()
                    .collect();
                all.extend(flat(&inner).into_iter().map(|inner| Conditional {
                    condition: Some(match inner.condition {
                        Some(other) => quote!(all(#predicate, #other)),
                        None => predicate.clone(),
                    }),
                    attribute: inner.attribute,
                }));
            }
            _ => all.push(Conditional { condition: None, attribute: attribute.clone() }),
        }
    }
    all
}

/// Puts an attribute under a condition.
pub(crate) fn under(condition: Option<&TokenStream>, meta: &Meta) -> Option<Attribute> {
    one(match condition {
        Some(condition) => quote!(#[cfg_attr(#condition, #meta)]),
        None => quote!(#[#meta]),
    })
}

/// Merges the condition into the predicate, since `cfg_attr` is not allowed everywhere.
fn cfg(condition: Option<&TokenStream>, attribute: &Attribute) -> Option<Attribute> {
    let Some(condition) = condition else { return Some(attribute.clone()) };
    let Meta::List(list) = &attribute.meta else { return None };
    let predicate = &list.tokens;
    one(quote!(#[cfg(any(not(#condition), #predicate))]))
}

fn allow(condition: Option<&TokenStream>, attribute: &Attribute) -> Option<Attribute> {
    let Meta::List(list) = &attribute.meta else { return None };
    let lints = &list.tokens;
    one(match condition {
        Some(condition) => quote!(#[cfg_attr(#condition, allow(#lints))]),
        None => quote!(#[allow(#lints)]),
    })
}

fn one(tokens: TokenStream) -> Option<Attribute> {
    Attribute::parse_outer.parse2(tokens).ok()?.into_iter().next()
}

fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    for token in tokens {
        if matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ',') {
            parts.push(TokenStream::new());
        } else if let Some(part) = parts.last_mut() {
            part.extend([token]);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::Inherited;
    use quote::{ToTokens, quote};

    #[test]
    fn conditional_attributes_are_flattened() {
        let item: syn::ItemStruct = syn::parse_quote! {
            #[cfg(a)]
            #[allow(x, reason = "r")]
            #[expect(y)]
            #[inline]
            #[cfg_attr(b, cfg(c), inline, expect(z), deprecated(note = "n"))]
            #[cfg_attr(d, cfg_attr(e, allow(w)))]
            struct X;
        };
        let inherited = Inherited::of(&item.attrs);
        let deprecated = inherited.deprecated.unwrap();
        let found = inherited.cfgs.iter().chain(&inherited.allows).chain([&deprecated.attribute]);
        let found: Vec<String> = found.map(|each| each.to_token_stream().to_string()).collect();
        let expected = [
            quote!(#[cfg(a)]),
            quote!(#[cfg(any(not(b), c))]),
            quote!(#[allow(x, reason = "r")]),
            quote!(#[allow(y)]),
            quote!(#[cfg_attr(b, allow(z))]),
            quote!(#[cfg_attr(all(d, e), allow(w))]),
            quote!(#[cfg_attr(b, deprecated(note = "n"))]),
        ];
        assert_eq!(found, expected.map(|tokens| tokens.to_string()));
        assert_eq!(deprecated.condition.unwrap().to_string(), "b");
    }
}
