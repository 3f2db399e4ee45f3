//! Decode: converts key and JSON to a typed command. Errors carry the JSON path.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};

use super::Services;
use super::task::Task;
use crate::clock::to_microseconds;
use crate::error::Error;
use crate::id_generator as ids;
use crate::model::{ActionDescriptor, CommandBundle, SharedCommand};
use crate::observability::spans;
use crate::unwind;
use fluvius_store::__private::excerpt;
use fluvius_store::json::JsonError;
use fluvius_store::{AggregateId, Json, Precondition};

/// Decodes a command by key, and counts a failure.
///
/// # Errors
/// As [`uncounted`].
pub(crate) fn by_key(services: &Services, bundle: CommandBundle) -> Result<Task, Error> {
    uncounted(services, bundle).inspect_err(|error| services.metrics.not_decoded(error))
}

/// Decodes a command by key.
///
/// # Errors
/// `unknown-command`, `too-large` for the payload, `invalid-payload`, `invalid-command-id`,
/// `precondition-required`; `panicked` if the author's `Deserialize` or the clock panics.
pub(crate) fn uncounted(services: &Services, bundle: CommandBundle) -> Result<Task, Error> {
    let span = spans::guarded(|| spans::decode(services.metadata, &bundle.command));
    let decoded = unwind::catch(|| span.in_scope(|| read(services, bundle)));
    unwind::catch(|| drop(span));
    decoded.unwrap_or(Err(Error::Panicked { command: "(unknown)" }))
}

fn read(services: &Services, bundle: CommandBundle) -> Result<Task, Error> {
    let action = known(services, &bundle.command)?;
    let received_at = received(services, action)?;
    check_size(services, action, &bundle.payload)?;
    // serde also reads a struct from an array, whose values cannot be recognized as secret by
    // their names.
    if !bundle.payload.as_str().trim_ascii_start().starts_with('{') {
        let error = JsonError::whole("expected a JSON object");
        return Err(invalid_payload(action.key, &error));
    }
    let secrets = secret_names(action);
    let command = author(action, || (action.decode)(&bundle.payload))?
        .map_err(|error| invalid_payload(action.key, &without_values(action, error)))?;
    let args = author(action, || (action.record)(command.as_ref()))?
        .map_err(|error| invalid_payload(action.key, &without_values(action, error)))?;
    let payload = fluvius_store::__private::canonical(&bundle.payload, &secrets);
    fluvius_store::__private::check_rounded(payload.as_str(), args.as_str())
        .map_err(|error| invalid_payload(action.key, &without_values(action, error)))?;
    check_sendable(bundle.id, action, &bundle.aggregate_id, bundle.if_match.as_ref())?;
    Ok(Task {
        id: bundle.id,
        parent: None,
        action,
        aggregate_id: bundle.aggregate_id,
        command,
        args,
        payload_hash: fluvius_store::__private::hash(&payload),
        payload,
        if_match: bundle.if_match,
        received_at,
        allowed_because: OnceLock::new(),
    })
}

/// Checks a typed command, whose payload is its stored part. Counts a failure.
///
/// # Errors
/// `unknown-command` if the domain does not list the command's aggregate type; `invalid-payload` if
/// a field holds a value that no store can keep; `too-large` for the payload; `invalid-command-id`,
/// `precondition-required`; `panicked` if the author's `Serialize` or the clock panics.
pub(crate) fn typed(
    services: &Services,
    id: uuid::Uuid,
    aggregate_id: AggregateId,
    sent: &'static ActionDescriptor,
    command: SharedCommand,
    if_match: Option<Precondition>,
) -> Result<Task, Error> {
    let task = task(services, id, aggregate_id, sent, command, if_match);
    task.inspect_err(|error| services.metrics.not_decoded(error))
}

fn task(
    services: &Services,
    id: uuid::Uuid,
    aggregate_id: AggregateId,
    sent: &'static ActionDescriptor,
    command: SharedCommand,
    if_match: Option<Precondition>,
) -> Result<Task, Error> {
    let action = known(services, sent.key)?;
    let received_at = received(services, action)?;
    if !action.is_same(sent) {
        return Err(unknown(services, sent.key));
    }
    let args = author(action, || (action.record)(command.as_ref()))?
        .map_err(|error| invalid_payload(action.key, &without_values(action, error)))?;
    check_size(services, action, &args)?;
    let payload = fluvius_store::__private::canonical(&args, &[]);
    check_sendable(id, action, &aggregate_id, if_match.as_ref())?;
    Ok(Task {
        id,
        parent: None,
        action,
        aggregate_id,
        command,
        args,
        payload_hash: fluvius_store::__private::hash(&payload),
        payload,
        if_match,
        received_at,
        allowed_because: OnceLock::new(),
    })
}

fn check_size(
    services: &Services,
    action: &'static ActionDescriptor,
    payload: &Json,
) -> Result<(), Error> {
    let bytes = payload.as_str().len();
    let max_bytes = action.body_limit.unwrap_or(services.settings.max_payload_bytes);
    if bytes > max_bytes {
        return Err(Error::PayloadTooLarge { command: action.key, bytes, max_bytes });
    }
    Ok(())
}

/// Runs code of an author or of the program, and catches its panics.
fn author<T>(action: &'static ActionDescriptor, run: impl FnOnce() -> T) -> Result<T, Error> {
    unwind::catch(run).ok_or_else(|| Error::Panicked { command: action.key })
}

pub(super) fn received(
    services: &Services,
    action: &'static ActionDescriptor,
) -> Result<DateTime<Utc>, Error> {
    author(action, || to_microseconds(services.clock.now()))
}

/// Checks the parts of a command other than its payload.
fn check_sendable(
    id: uuid::Uuid,
    action: &'static ActionDescriptor,
    aggregate_id: &AggregateId,
    if_match: Option<&Precondition>,
) -> Result<(), Error> {
    if ids::is_invoked(id) {
        return Err(Error::InvalidCommandId { id });
    }
    check_required(action, aggregate_id, if_match)
}

/// Checks that a command has the precondition that its action requires.
///
/// # Errors
/// `precondition-required`.
pub(crate) fn check_required(
    action: &'static ActionDescriptor,
    aggregate_id: &AggregateId,
    if_match: Option<&Precondition>,
) -> Result<(), Error> {
    if action.if_match_required && if_match.is_none() {
        return Err(Error::PreconditionRequired {
            command: action.key,
            aggregate_id: aggregate_id.clone(),
        });
    }
    Ok(())
}

/// Returns the action of a key. Internal actions are unknown to senders.
fn known(services: &Services, key: &str) -> Result<&'static ActionDescriptor, Error> {
    services
        .registry
        .find(key)
        .filter(|action| !action.internal)
        .ok_or_else(|| unknown(services, key))
}

fn unknown(services: &Services, key: &str) -> Error {
    let nearest = services.registry.nearest(key);
    Error::UnknownCommand {
        key: excerpt(key, fluvius_store::__private::NAME).into_owned(),
        nearest,
    }
}

pub(crate) fn invalid_payload(key: &str, error: &JsonError) -> Error {
    Error::InvalidPayload {
        command: excerpt(key, fluvius_store::__private::NAME).into_owned(),
        path: error.path().to_owned(),
        message: error.message().to_owned(),
    }
}

/// Returns the names of secrets, which are excluded from the stored payload.
fn secret_names(action: &'static ActionDescriptor) -> Vec<&'static str> {
    let secret = action.fields.iter().filter(|field| field.secret);
    secret
        .flat_map(|field| std::iter::once(field.name).chain(field.aliases.iter().copied()))
        .collect()
}

/// Returns an error without values of the payload, if the command has a secret.
pub fn without_values(action: &'static ActionDescriptor, error: JsonError) -> JsonError {
    if !action.fields.iter().any(|field| field.secret) {
        return error;
    }
    let fields: Vec<fluvius_store::__private::Field<'_>> = action
        .fields
        .iter()
        .map(|field| fluvius_store::__private::Field {
            name: field.name,
            aliases: field.aliases,
            type_name: field.type_name,
        })
        .collect();
    fluvius_store::__private::hide_values(error, &fields)
}
