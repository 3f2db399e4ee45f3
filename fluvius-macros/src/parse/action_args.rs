//! The options of `#[action(..)]`.

use proc_macro2::{Span, TokenStream};
use syn::{LitBool, LitStr};

use super::options::{Integer, Options, Strings};
use crate::errors::Errors;
use crate::keywords;

/// The message about a body limit of another form.
pub(crate) const BODY_LIMIT: &str =
    "a body limit is a number of bytes above zero that fits in 32 bits: `body_limit = 65536`";

#[derive(Default)]
pub(crate) struct ActionArgs {
    pub(crate) evt_key: Option<LitStr>,
    pub(crate) resources: Option<Strings>,
    pub(crate) key: Option<LitStr>,
    pub(crate) command: Option<LitStr>,
    pub(crate) internal: Option<Span>,
    pub(crate) if_match: Option<LitStr>,
    pub(crate) timeout: Option<LitStr>,
    pub(crate) body_limit: Option<Integer>,
    pub(crate) sunset: Option<LitStr>,
    pub(crate) mcp: Option<LitBool>,
    /// Set if a fault was reported, so that an option may only seem to be missing.
    pub(crate) flawed: bool,
}

pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> ActionArgs {
    let before = errors.count();
    let mut options = Options::parse("#[action]", tokens, keywords::OF_ACTION, &[], errors);
    let mut args = ActionArgs {
        evt_key: options.string(keywords::EVT_KEY, errors),
        resources: options.take(keywords::RESOURCES).and_then(|option| option.strings(errors)),
        key: options.string(keywords::KEY, errors),
        command: options.string(keywords::COMMAND, errors),
        internal: options.flag(keywords::INTERNAL, errors),
        if_match: options.string(keywords::IF_MATCH, errors),
        timeout: options.string(keywords::TIMEOUT, errors),
        body_limit: options
            .take(keywords::BODY_LIMIT)
            .and_then(|option| option.integer_or(BODY_LIMIT, errors)),
        sunset: options.string(keywords::SUNSET, errors),
        mcp: options.take(keywords::MCP).and_then(|option| option.boolean(errors)),
        flawed: false,
    };
    args.flawed = errors.count() > before;
    args
}
