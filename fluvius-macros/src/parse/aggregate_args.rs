//! The options of `#[aggregate(..)]`.

use proc_macro2::{Span, TokenStream};
use syn::{LitStr, Path};

use super::SourceIndex;
use super::indexes;
use super::options::{FunctionPath, Integer, Options, Strings};
use crate::errors::Errors;
use crate::keywords;

#[derive(Default)]
pub(crate) struct AggregateArgs {
    pub(crate) resources: Option<Strings>,
    pub(crate) revision: Option<Integer>,
    pub(crate) upcast: Option<FunctionPath>,
    /// The span of `upcast = none`.
    pub(crate) upcast_waived: Option<Span>,
    pub(crate) name: Option<LitStr>,
    pub(crate) indexes: Vec<SourceIndex>,
    pub(crate) schema: Option<LitStr>,
    pub(crate) crate_path: Option<Path>,
    /// Set if a fault was reported, so that an option may only seem to be missing.
    pub(crate) flawed: bool,
}

pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> AggregateArgs {
    let before = errors.count();
    let mut options = Options::parse("#[aggregate]", tokens, keywords::OF_AGGREGATE, &[], errors);
    let one = options.take(keywords::RESOURCE);
    let many = options.take(keywords::RESOURCES);
    if let (Some(one), Some(many)) = (&one, &many) {
        errors.at(
            &one.name,
            "write `resource = \"..\"` for one resource or `resources = [..]` for several, not \
            both",
        );
        errors.at(&many.name, "the other list of resources is here");
    }
    let resources = match (many, one) {
        (Some(many), _) => many.strings(errors),
        (None, Some(one)) => {
            let place = one.name.span();
            one.string(errors).map(|resource| Strings { list: vec![resource], place })
        }
        (None, None) => None,
    };
    let revision = options.take(keywords::REVISION).map(|option| option.integer(errors));
    let upcast =
        options.take(keywords::UPCAST).and_then(|option| option.function("upcast_account", errors));
    let (revision, upcast) = match revision {
        // The fault is already reported. Without the option it is unknown if an upcast is required.
        Some(None) => (None, None),
        read => (read.flatten(), upcast),
    };
    let waives = |upcast: &FunctionPath| upcast.path.path.is_ident(keywords::NONE);
    let upcast_waived = upcast.as_ref().filter(|upcast| waives(upcast)).map(|upcast| upcast.place);
    let mut args = AggregateArgs {
        resources,
        revision,
        upcast: upcast.filter(|upcast| !waives(upcast)),
        upcast_waived,
        name: options.string(keywords::NAME, errors),
        indexes: match options.take(keywords::INDEX).and_then(|option| option.list(errors)) {
            Some(tokens) => indexes::parse(tokens, errors),
            None => Vec::new(),
        },
        schema: options.string(keywords::SCHEMA, errors),
        crate_path: options.take(keywords::CRATE).and_then(|option| option.path(errors)),
        flawed: false,
    };
    args.flawed = errors.count() > before;
    args
}
