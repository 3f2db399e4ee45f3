//! The words that the macros read in attributes, each defined once.

pub(crate) const ACTION: &str = "action";
pub(crate) const AGGREGATE: &str = "aggregate";
pub(crate) const ARG: &str = "arg";

pub(crate) const AGGREGATES: &str = "aggregates";
pub(crate) const ALIAS: &str = "alias";
pub(crate) const CODE: &str = "code";
pub(crate) const BODY_LIMIT: &str = "body_limit";
pub(crate) const COMMAND: &str = "command";
pub(crate) const CRATE: &str = "crate";
pub(crate) const DEFAULT: &str = "default";
pub(crate) const DESCRIPTION: &str = "description";
pub(crate) const EVT_KEY: &str = "evt_key";
pub(crate) const EXAMPLE: &str = "example";
pub(crate) const IF_MATCH: &str = "if_match";
pub(crate) const INDEX: &str = "index";
pub(crate) const INTERNAL: &str = "internal";
pub(crate) const KEY: &str = "key";
pub(crate) const MCP: &str = "mcp";
pub(crate) const NAME: &str = "name";
pub(crate) const NAMESPACE: &str = "namespace";
pub(crate) const NONE: &str = "none";
pub(crate) const RENAME: &str = "rename";
pub(crate) const RESOURCE: &str = "resource";
pub(crate) const RESOURCES: &str = "resources";
pub(crate) const REVISION: &str = "revision";
pub(crate) const SCHEMA: &str = "schema";
pub(crate) const SECRET: &str = "secret";
pub(crate) const STATUS: &str = "status";
pub(crate) const SUNSET: &str = "sunset";
pub(crate) const TAGS: &str = "tags";
pub(crate) const TIMEOUT: &str = "timeout";
pub(crate) const TITLE: &str = "title";
pub(crate) const TRANSPARENT: &str = "transparent";
pub(crate) const UPCAST: &str = "upcast";

/// The options of each attribute, in the order of the messages.
pub(crate) const OF_AGGREGATE: &[&str] =
    &[RESOURCE, RESOURCES, REVISION, UPCAST, NAME, INDEX, SCHEMA, CRATE];
pub(crate) const OF_ACTION: &[&str] =
    &[EVT_KEY, RESOURCES, KEY, COMMAND, INTERNAL, IF_MATCH, TIMEOUT, BODY_LIMIT, SUNSET, MCP];
pub(crate) const OF_ARG: &[&str] = &[ALIAS, RENAME, DEFAULT, SECRET, EXAMPLE, SCHEMA];
pub(crate) const OF_DOMAIN: &[&str] =
    &[AGGREGATES, NAMESPACE, REVISION, TAGS, TITLE, DESCRIPTION, CRATE];
pub(crate) const OF_REJECTION_TYPE: &[&str] = &[CODE, STATUS, TRANSPARENT, CRATE];
pub(crate) const OF_REJECTION_VARIANT: &[&str] = &[CODE, STATUS, TRANSPARENT];

/// The kinds of fields of the state: those of the core in lower case.
pub(crate) const KINDS: &[&str] = &["boolean", "number", "text", "time", "uuid"];

/// Types that authors may return by mistake in place of a `Result`.
pub(crate) const NO_RESULTS: &[&str] = &[
    "Arc", "BTreeMap", "BTreeSet", "Box", "DateTime", "Decimal", "HashMap", "HashSet", "Option",
    "Pin", "Rc", "String", "Uuid", "Value", "Vec", "bool", "char", "f32", "f64", "i128", "i16",
    "i32", "i64", "i8", "isize", "u128", "u16", "u32", "u64", "u8", "usize",
];

/// Types for sending and reading in programs, each with its replacement inside an action.
pub(crate) const OF_PROGRAMS: &[(&str, &str)] = &[
    ("DomainContext", "`cx.domain_context()` is the sender's"),
    ("DomainRuntime", "`cx.fetch`, `cx.find` and `cx.invoke` reach other aggregates"),
    ("Session", "`cx.fetch`, `cx.find` and `cx.invoke` reach other aggregates"),
    ("StateManager", "`cx.fetch` and `cx.find` read other aggregates"),
];

/// The last path segment of the action context's type.
pub(crate) const CONTEXT_TYPE: &str = "ActionContext";
