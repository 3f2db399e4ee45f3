//! Spans: one per command, and within it one per stage. They contain the command and the aggregate,
//! but no value of an argument.

use tracing::Span;

use crate::model::DomainMetadata;
use crate::unwind;
use fluvius_store::{AggregateId, EventRecord, LogEntry};
use uuid::Uuid;

/// Creates a span; a disabled one if the program's subscriber panics.
pub(crate) fn guarded(make: impl FnOnce() -> Span) -> Span {
    unwind::catch(make).unwrap_or_else(Span::none)
}

/// Creates the span of a command, which contains the spans of its stages.
pub(crate) fn command(
    metadata: &DomainMetadata,
    key: &'static str,
    aggregate_id: &AggregateId,
    command_id: Uuid,
) -> Span {
    tracing::info_span!(
        "command",
        domain = metadata.namespace,
        command = key,
        resource = %aggregate_id.resource,
        identifier = %aggregate_id.id,
        %command_id,
    )
}

pub(crate) fn decode(metadata: &DomainMetadata, command: &str) -> Span {
    tracing::debug_span!("decode", domain = metadata.namespace, command)
}

pub(crate) fn authorize(command: &Span) -> Span {
    tracing::debug_span!(parent: command, "authorize")
}

pub(crate) fn deduplicate(command: &Span) -> Span {
    tracing::debug_span!(parent: command, "deduplicate")
}

/// Creates the span of a load, within that of the decision that needs it.
pub(crate) fn load(aggregate_id: &AggregateId) -> Span {
    tracing::debug_span!("load", resource = %aggregate_id.resource, identifier = %aggregate_id.id)
}

pub(crate) fn decide(command: &Span, attempt: u32) -> Span {
    tracing::debug_span!(parent: command, "decide", attempt)
}

/// Creates the span of a commit of many commands.
pub(crate) fn commit(metadata: &DomainMetadata, unit_count: usize) -> Span {
    tracing::debug_span!(parent: None, "commit", domain = metadata.namespace, unit_count)
}

pub(crate) fn publish(command: &Span) -> Span {
    tracing::debug_span!(parent: command, "publish")
}

/// Creates the span of an attempt of a delivery. `command_id` links it to the span of the command.
pub(crate) fn delivery(
    metadata: &DomainMetadata,
    subscription: &str,
    partition: u32,
    attempt: u32,
    row: &LogEntry<EventRecord>,
) -> Span {
    tracing::info_span!(
        parent: None,
        "delivery",
        domain = metadata.namespace,
        subscription,
        partition,
        attempt,
        position = row.position,
        event = row.record.key(),
        command_id = %row.record.command_id,
    )
}
