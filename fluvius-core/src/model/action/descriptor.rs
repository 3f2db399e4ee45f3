//! The plain description of an action, made by the macro as a constant.

use std::fmt;
use std::time::Duration;

use super::handler::{Decode, Handler, Record};
use crate::model::{AggregateDescriptor, Command, EventDescriptor};

/// One action of an aggregate: a command goes in, at most one event comes out.
///
/// A constant made by [`#[aggregate]`](macro@crate::aggregate).
pub struct ActionDescriptor {
    /// The command's key, in kebab case.
    pub key: &'static str,
    /// The name of the command's struct.
    pub command: &'static str,
    /// The name of the method.
    pub method: &'static str,
    /// The author's documentation of the method.
    pub docs: &'static str,
    /// What the action does to its aggregate.
    pub lifecycle: Lifecycle,
    /// The event that the action records; `None` for a question.
    pub event: Option<&'static EventDescriptor>,
    /// The resources on which the action is allowed.
    pub resources: &'static [&'static str],
    /// The command's fields, in the order of the parameters.
    pub fields: &'static [FieldDescriptor],
    /// Whether only other actions may run it, with `invoke`.
    pub internal: bool,
    /// Whether the command must carry a [`Precondition`](crate::Precondition).
    pub if_match_required: bool,
    /// The action's own deadline; `None`: the runtime's.
    pub timeout: Option<Duration>,
    /// Whether the author has marked the method as deprecated.
    pub deprecated: bool,
    /// Where the method stands.
    pub location: Location,
    /// The aggregate type that the action belongs to.
    pub aggregate: fn() -> &'static AggregateDescriptor,
    /// Reads a payload into the command's struct.
    #[doc(hidden)]
    pub decode: Decode,
    /// Writes a command without its secrets.
    #[doc(hidden)]
    pub record: Record,
    /// Runs the method.
    #[doc(hidden)]
    pub run: Handler,
}

impl ActionDescriptor {
    /// Stands in for the action of a command that is none.
    pub(crate) const STAND_IN: Self = Self {
        key: "",
        command: "",
        method: "",
        docs: "",
        lifecycle: Lifecycle::Unchanged,
        event: None,
        resources: &[],
        fields: &[],
        internal: false,
        if_match_required: false,
        timeout: None,
        deprecated: false,
        location: crate::location!(),
        aggregate: || &AggregateDescriptor::STAND_IN,
        decode: |_| unreachable!(),
        record: |_| unreachable!(),
        run: Handler::Now(|_, _| unreachable!()),
    };

    /// Whether this is the same action, and not one of another aggregate type with equal names.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.command == other.command
            && self.location == other.location
            && (self.aggregate)().type_name() == (other.aggregate)().type_name()
    }

    /// The plain case, from which generated code names only what differs.
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

/// The effect of an action on its aggregate, which the receiver of the method declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifecycle {
    /// No receiver: it creates the aggregate, which must not exist.
    Create,
    /// `&mut self`: it changes the aggregate.
    Update,
    /// `&self`: it leaves the state as it is.
    Unchanged,
    /// `self`: it closes the aggregate; later commands do not find it.
    Close,
}

/// One field of a command, from one parameter of the method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldDescriptor {
    /// The name in JSON.
    pub name: &'static str,
    /// Other names under which the field is read.
    pub aliases: &'static [&'static str],
    /// The type, as the author wrote it.
    pub type_name: &'static str,
    /// The documentation of the parameter.
    pub docs: &'static str,
    /// Whether the field may be left out.
    pub optional: bool,
    /// Whether the value is used by the rule and kept nowhere.
    pub secret: bool,
}

impl FieldDescriptor {
    /// The plain case, from which generated code names only what differs.
    #[doc(hidden)]
    pub const fn of(name: &'static str, type_name: &'static str, docs: &'static str) -> Self {
        Self { name, aliases: &[], type_name, docs, optional: false, secret: false }
    }
}

/// A place in the author's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The module path.
    pub module: &'static str,
    /// The file, as the compiler names it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({})", self.file, self.line, self.module)
    }
}
