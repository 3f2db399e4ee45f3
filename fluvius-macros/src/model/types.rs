//! Syntactic checks of a written type. Syntax does not show the type behind an alias, so trait
//! bounds check the rest.

use quote::ToTokens;
use syn::{
    AngleBracketedGenericArguments, GenericArgument, Path, PathArguments, PathSegment, ReturnType,
    Type,
};

use crate::keywords;

/// A part of a type that a generated struct cannot contain.
pub(crate) enum Flaw<'a> {
    Reference(&'a syn::TypeReference),
    /// A lifetime other than `'static`, as in `Cow<'_, str>`.
    Lifetime(&'a syn::Lifetime),
    ImplTrait(&'a syn::TypeImplTrait),
    Inferred(&'a Type),
    Never(&'a Type),
    /// `Self` in a macro or a constant, where it cannot be replaced.
    HiddenSelf(proc_macro2::TokenStream),
}

/// Returns the first flaw of a type. `'static` references are allowed in an answer that is only
/// written and never read.
pub(crate) fn flaw(ty: &Type, static_allowed: bool) -> Option<Flaw<'_>> {
    let inner = |ty| flaw(ty, static_allowed);
    match ty {
        Type::Reference(reference) => {
            let is_static =
                reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static");
            if is_static && static_allowed && reference.mutability.is_none() {
                inner(&reference.elem)
            } else {
                Some(Flaw::Reference(reference))
            }
        }
        Type::ImplTrait(impl_trait) => Some(Flaw::ImplTrait(impl_trait)),
        Type::Infer(_) => Some(Flaw::Inferred(ty)),
        Type::Never(_) => Some(Flaw::Never(ty)),
        Type::TraitObject(object) => object.bounds.iter().find_map(|bound| match bound {
            syn::TypeParamBound::Lifetime(lifetime) if lifetime.ident != "static" => {
                Some(Flaw::Lifetime(lifetime))
            }
            _ => None,
        }),
        Type::Macro(mac) => hidden_self(&mac.mac),
        Type::Array(array) => inner(&array.elem).or_else(|| hidden_self(&array.len)),
        Type::Slice(slice) => inner(&slice.elem),
        Type::Group(group) => inner(&group.elem),
        Type::Paren(paren) => inner(&paren.elem),
        Type::Ptr(pointer) => inner(&pointer.elem),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(inner),
        Type::Path(path) => {
            let qself = path.qself.as_ref().and_then(|qself| inner(&qself.ty));
            let segments = || {
                path.path.segments.iter().find_map(|segment| segment_flaw(segment, static_allowed))
            };
            qself.or_else(segments)
        }
        _ => None,
    }
}

/// Returns the type inside the invisible group of a `ty` fragment.
pub(crate) fn ungrouped(mut ty: Type) -> Type {
    while let Type::Group(group) = ty {
        ty = *group.elem;
    }
    ty
}

fn segment_flaw(segment: &PathSegment, static_allowed: bool) -> Option<Flaw<'_>> {
    match &segment.arguments {
        PathArguments::None => None,
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => flaw(ty, static_allowed),
                GenericArgument::AssocType(assoc) => flaw(&assoc.ty, static_allowed),
                GenericArgument::Const(expr) => hidden_self(expr),
                GenericArgument::Lifetime(lifetime) if lifetime.ident != "static" => {
                    Some(Flaw::Lifetime(lifetime))
                }
                _ => None,
            })
        }
        PathArguments::Parenthesized(arguments) => match &arguments.output {
            ReturnType::Type(_, ty) => flaw(ty, static_allowed),
            ReturnType::Default => None,
        },
    }
}

fn hidden_self(tokens: &impl ToTokens) -> Option<Flaw<'_>> {
    let tokens = tokens.to_token_stream();
    mentions_self(tokens.clone()).then_some(Flaw::HiddenSelf(tokens))
}

fn mentions_self(tokens: proc_macro2::TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        proc_macro2::TokenTree::Ident(word) => word == "Self",
        proc_macro2::TokenTree::Group(group) => mentions_self(group.stream()),
        _ => false,
    })
}

/// Returns the path of a type, also inside parentheses.
pub(crate) fn path(ty: &Type) -> Option<&Path> {
    match ty {
        Type::Path(written) => Some(&written.path),
        Type::Group(group) => path(&group.elem),
        Type::Paren(paren) => path(&paren.elem),
        _ => None,
    }
}

pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    path(ty)?.segments.last()
}

pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// Returns the type arguments of the last segment: `T` and `E` of `Result<T, E>`.
pub(crate) fn arguments(ty: &Type) -> Vec<&Type> {
    match last_segment(ty).map(|segment| &segment.arguments) {
        Some(PathArguments::AngleBracketed(AngleBracketedGenericArguments { args, .. })) => args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn is_option(ty: &Type) -> bool {
    is_named(ty, "Option") && arguments(ty).len() == 1
}

/// Returns true for `Option<Option<T>>`, which does not distinguish an absent field from `null`.
pub(crate) fn is_double_option(ty: &Type) -> bool {
    is_option(ty) && arguments(ty).first().is_some_and(|inner| is_option(inner))
}

/// Returns true for a common type that is not a `Result`, judged by its name.
pub(crate) fn is_of_std(ty: &Type) -> bool {
    match ty {
        Type::Tuple(_) | Type::Array(_) => true,
        Type::Group(group) => is_of_std(&group.elem),
        Type::Paren(paren) => is_of_std(&paren.elem),
        _ => last_segment(ty)
            .is_some_and(|last| keywords::NO_RESULTS.iter().any(|name| last.ident == name)),
    }
}

pub(crate) fn is_unit(ty: &Type) -> bool {
    match ty {
        Type::Tuple(tuple) => tuple.elems.is_empty(),
        Type::Group(group) => is_unit(&group.elem),
        Type::Paren(paren) => is_unit(&paren.elem),
        _ => false,
    }
}

/// Returns the replacement, inside an action, for a type through which programs send and read.
pub(crate) fn of_programs(ty: &Type) -> Option<&'static str> {
    let referent = match ty {
        Type::Reference(reference) => &*reference.elem,
        _ => ty,
    };
    let found = keywords::OF_PROGRAMS.iter().find(|(name, _)| is_named(referent, name));
    found.map(|(_, instead)| *instead)
}

pub(crate) fn is_context(ty: &Type) -> bool {
    is_named(ty, keywords::CONTEXT_TYPE)
}

/// Returns the type that owns the data behind such a reference.
pub(crate) fn owned_form(referent: &Type) -> String {
    let text = crate::parse::token_text::type_text(referent);
    match referent {
        Type::Slice(slice) => format!("Vec<{}>", crate::parse::token_text::type_text(&slice.elem)),
        _ if is_named(referent, "str") => "String".to_owned(),
        _ if is_named(referent, "Path") => "PathBuf".to_owned(),
        _ => text,
    }
}
