//! Parses the type under `#[derive(Rejection)]` and its `#[rejection(..)]` attributes.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Data, DeriveInput, Fields, Generics, Ident, LitStr, Path};

use super::options::{Integer, Options};
use crate::errors::Errors;
use crate::keywords;

/// The message about a status that is none of [`STATUSES`].
pub(crate) const STATUSES_ALLOWED: &str = "the HTTP status of a rejection is 400, 402, 403, 409 \
    (if left out), 410, 422, 423 or 451: write `status = 422`, for example";

/// The HTTP statuses that a rejection may have: those of `RejectionCode::STATUSES` in the core.
pub(crate) const STATUSES: &[u32] = &[400, 402, 403, 409, 410, 422, 423, 451];

/// The status of a rejection without the option `status`.
pub(crate) const DEFAULT_STATUS: u32 = 409;

pub(crate) struct SourceRejection {
    pub(crate) ident: Ident,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) generics: Generics,
    pub(crate) crate_path: Option<Path>,
    pub(crate) body: SourceBody,
}

pub(crate) enum SourceBody {
    Struct(SourceCase),
    Enum(Vec<SourceCase>),
}

/// A variant, or a struct as a whole.
pub(crate) struct SourceCase {
    pub(crate) ident: Ident,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) fields: Fields,
    pub(crate) code: Option<LitStr>,
    pub(crate) status: Option<Integer>,
    pub(crate) transparent: Option<Span>,
}

pub(crate) fn parse(item: TokenStream, errors: &mut Errors) -> Option<SourceRejection> {
    let input: DeriveInput = errors.keep(syn::parse2(item))?;
    let mut on_type = CaseOptions::of(&input.attrs, keywords::OF_REJECTION_TYPE, errors);
    let crate_path = on_type.crate_path.take();
    let body = match input.data {
        Data::Struct(data) => {
            let attributes = input.attrs.clone();
            SourceBody::Struct(on_type.into_case(input.ident.clone(), attributes, data.fields))
        }
        Data::Enum(data) => {
            on_type.reject_on_enum(errors);
            let cases =
                data.variants.into_iter().map(|variant| {
                    CaseOptions::of(&variant.attrs, keywords::OF_REJECTION_VARIANT, errors)
                        .into_case(variant.ident, variant.attrs, variant.fields)
                });
            SourceBody::Enum(cases.collect())
        }
        Data::Union(data) => {
            errors.at(
                data.union_token,
                "a rejection is an enum or a struct: a union has no variant to give a code",
            );
            return None;
        }
    };
    Some(SourceRejection {
        ident: input.ident,
        attributes: input.attrs,
        generics: input.generics,
        crate_path,
        body,
    })
}

struct CaseOptions {
    code: Option<LitStr>,
    status: Option<Integer>,
    transparent: Option<Span>,
    crate_path: Option<Path>,
}

impl CaseOptions {
    fn of(attributes: &[Attribute], known: &[&str], errors: &mut Errors) -> Self {
        let mut options = Options::of_attributes("rejection", attributes, known, errors);
        Self {
            code: options.string(keywords::CODE, errors),
            status: options
                .take(keywords::STATUS)
                .and_then(|option| option.integer_or(STATUSES_ALLOWED, errors)),
            transparent: options.flag(keywords::TRANSPARENT, errors),
            crate_path: options.take(keywords::CRATE).and_then(|option| option.path(errors)),
        }
    }

    fn into_case(self, ident: Ident, attributes: Vec<Attribute>, fields: Fields) -> SourceCase {
        let Self { code, status, transparent, crate_path: _ } = self;
        SourceCase { ident, attributes, fields, code, status, transparent }
    }

    fn reject_on_enum(&self, errors: &mut Errors) {
        if let Some(code) = &self.code {
            errors.at(code, "each variant has its own code: put this on a variant");
        }
        if let Some(status) = &self.status {
            errors.at_span(status.place, "each variant has its own status: put this on a variant");
        }
        if let Some(place) = self.transparent {
            errors.at_span(place, "put `#[rejection(transparent)]` on a variant");
        }
    }
}
