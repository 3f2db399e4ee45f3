//! Spans: one a command, and one a stage inside it. They tell which command on which root, and
//! never the value of an argument.

use tracing::Span;

use super::task::Task;
use crate::domain::Meta;
use crate::root::AggregateRoot;
use crate::unwind;

/// Returns a span; none if the program's subscriber panics.
pub(crate) fn guarded(make: impl FnOnce() -> Span) -> Span {
    unwind::catch(make).unwrap_or_else(Span::none)
}

/// The span of a command, which those of its stages lie in.
pub(crate) fn command(meta: &Meta, task: &Task) -> Span {
    tracing::info_span!(
        "command",
        domain = meta.namespace,
        command = task.action.key,
        resource = %task.root.resource,
        identifier = %task.root.identifier,
        command_id = %task.id,
    )
}

pub(crate) fn decode(meta: &Meta, command: &str) -> Span {
    tracing::debug_span!("decode", domain = meta.namespace, command)
}

pub(crate) fn authorize(command: &Span) -> Span {
    tracing::debug_span!(parent: command, "authorize")
}

pub(crate) fn recall(command: &Span) -> Span {
    tracing::debug_span!(parent: command, "recall")
}

/// Loading may be asked for by a rule: it lies in the span of the decision.
pub(crate) fn load(root: &AggregateRoot) -> Span {
    tracing::debug_span!("load", resource = %root.resource, identifier = %root.identifier)
}

pub(crate) fn decide(command: &Span, attempt: u32) -> Span {
    tracing::debug_span!(parent: command, "decide", attempt)
}

/// A commit is of many commands at once.
pub(crate) fn commit(meta: &Meta, unit_count: usize) -> Span {
    tracing::debug_span!(parent: None, "commit", domain = meta.namespace, unit_count)
}

pub(crate) fn publish(command: &Span) -> Span {
    tracing::debug_span!(parent: command, "publish")
}
