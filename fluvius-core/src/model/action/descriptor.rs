//! The static description of an action, generated as a constant.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::handler::{Decode, Handler, Record};
use crate::model::{AggregateDescriptor, CodeInfo, Command, EventDescriptor, TypeSchema};

/// An action of an aggregate type: takes a command and emits at most one event.
///
/// Generated as a constant by [`#[aggregate]`](macro@crate::aggregate).
pub struct ActionDescriptor {
    /// The command's key, in kebab case.
    pub key: &'static str,
    /// The name of the command struct.
    pub command: &'static str,
    /// The name of the method.
    pub method: &'static str,
    /// The author's documentation of the method.
    pub docs: &'static str,
    /// The effect of the action on its aggregate.
    pub lifecycle: Lifecycle,
    /// The recorded event; `None` if the action is read-only.
    pub event: Option<&'static EventDescriptor>,
    /// The resources that the action is allowed on.
    pub resources: &'static [&'static str],
    /// The command's fields, in the order of the parameters.
    pub fields: &'static [FieldDescriptor],
    /// The data of the response; `None` if it is the state.
    #[doc(hidden)]
    pub output: Option<TypeSchema>,
    /// The codes of the error type ([`Rejection::CODES`](crate::Rejection::CODES)).
    pub codes: Option<&'static [CodeInfo]>,
    /// Set if the action runs only by `invoke` from another action.
    pub internal: bool,
    /// Set if the command must have a [`Precondition`](crate::Precondition).
    pub if_match_required: bool,
    /// The action's own timeout; `None` for the runtime's.
    pub timeout: Option<Duration>,
    /// Maximum number of bytes of the command's JSON payload; `None` for the domain's limit.
    pub body_limit: Option<usize>,
    /// The deprecation, if the author has marked the method as deprecated.
    pub deprecated: Option<Deprecation>,
    /// The day on which the action is removed: `2027-06-30`.
    pub sunset: Option<&'static str>,
    /// Set if MCP clients may use the action as a tool.
    pub mcp: bool,
    /// Source location of the method.
    pub location: Location,
    /// The aggregate type that the action belongs to, as a function.
    pub aggregate: fn() -> &'static AggregateDescriptor,
    /// The function that decodes a payload into the command struct.
    #[doc(hidden)]
    pub decode: Decode,
    /// The function that encodes a command without its secrets.
    #[doc(hidden)]
    pub record: Record,
    /// The function that runs the method.
    #[doc(hidden)]
    pub run: Handler,
}

impl ActionDescriptor {
    /// A placeholder for the action of a type that is not a command.
    pub(crate) const STAND_IN: Self = Self {
        key: "",
        command: "",
        method: "",
        docs: "",
        lifecycle: Lifecycle::Unchanged,
        event: None,
        resources: &[],
        fields: &[],
        output: None,
        codes: None,
        internal: false,
        if_match_required: false,
        timeout: None,
        body_limit: None,
        deprecated: None,
        sunset: None,
        mcp: true,
        location: crate::location!(),
        aggregate: || &AggregateDescriptor::STAND_IN,
        decode: |_| unreachable!(),
        record: |_| unreachable!(),
        run: Handler::Now(|_, _| unreachable!()),
    };

    /// Returns true if both are the same action, not just actions of two aggregate types with equal
    /// names.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.command == other.command
            && self.location == other.location
            && (self.aggregate)().type_name() == (other.aggregate)().type_name()
    }

    /// Returns a descriptor with defaults, of which generated code overrides only the fields that
    /// differ.
    #[doc(hidden)]
    pub const fn of<C: Command>(key: &'static str) -> Self {
        Self {
            key,
            aggregate: crate::model::descriptor_of::<C::Aggregate>,
            decode: super::decode_command::<C>,
            record: super::record_command::<C>,
            run: C::RUN,
            ..Self::STAND_IN
        }
    }
}

impl fmt::Debug for ActionDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionDescriptor")
            .field("key", &self.key)
            .field("command", &self.command)
            .field("lifecycle", &self.lifecycle)
            .field("event", &self.event.map(|event| event.key))
            .field("resources", &self.resources)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

/// The arguments of `#[deprecated]` on a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Deprecation {
    /// The version since which the action is deprecated.
    pub since: Option<&'static str>,
    /// The reason, or the replacement.
    pub note: Option<&'static str>,
}

impl Deprecation {
    /// Returns a deprecation. Called by generated code only.
    #[doc(hidden)]
    pub const fn of(since: Option<&'static str>, note: Option<&'static str>) -> Self {
        Self { since, note }
    }
}

/// The effect of an action on its aggregate, as declared by the receiver of the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Lifecycle {
    /// No receiver: creates the aggregate, which must not exist.
    Create,
    /// `&mut self`: updates the aggregate.
    Update,
    /// `&self`: leaves the state unchanged.
    Unchanged,
    /// `self`: closes the aggregate. Later commands do not find it.
    Close,
}

/// A field of a command, from one parameter of the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldDescriptor {
    /// The name in JSON.
    pub name: &'static str,
    /// Further names of the field in JSON.
    pub aliases: &'static [&'static str],
    /// The type, as the author wrote it.
    pub type_name: &'static str,
    /// The documentation of the parameter.
    pub docs: &'static str,
    /// Set if the field may be absent.
    pub optional: bool,
    /// Set if the value is a secret, which is not stored.
    pub secret: bool,
    /// The default as JSON text, if the author wrote a literal.
    pub default: Option<&'static str>,
    /// The example as JSON text.
    pub example: Option<&'static str>,
    /// The schema of the type.
    #[doc(hidden)]
    pub schema: TypeSchema,
}

impl FieldDescriptor {
    /// Returns a descriptor with defaults, of which generated code overrides only the fields that
    /// differ.
    #[doc(hidden)]
    pub const fn of(name: &'static str, docs: &'static str, schema: TypeSchema) -> Self {
        Self {
            name,
            aliases: &[],
            type_name: schema.type_name(),
            docs,
            optional: false,
            secret: false,
            default: None,
            example: None,
            schema,
        }
    }

    /// Returns the default, if the author wrote a literal.
    pub fn default_value(&self) -> Option<Value> {
        self.default.and_then(|text| serde_json::from_str(text).ok())
    }

    /// Returns the example, if there is one.
    pub fn example_value(&self) -> Option<Value> {
        self.example.and_then(|text| serde_json::from_str(text).ok())
    }
}

/// A location in the author's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The module path.
    pub module: &'static str,
    /// The file, as named by the compiler.
    pub file: &'static str,
    /// The line, counted from 1.
    pub line: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({})", self.file, self.line, self.module)
    }
}
