//! The codes of problems, with their status, their title and the reaction of a client.
//!
//! The table is the source of the error pages, of the OpenAPI document and of the guide's chapter.

use serde::Serialize;

/// The reaction of a client to a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Retry {
    /// The same request fails again: change it.
    Never,
    /// The same request may succeed later: send it again with the same idempotency key.
    SameKey,
    /// The answer is recorded under the key: a further attempt needs a new idempotency key.
    NewKey,
}

/// A code of the framework or of the server, with the properties of its problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProblemCode {
    /// The code, in kebab case.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The title, the same for each problem with this code.
    pub title: &'static str,
    /// The reaction of a client.
    pub retry: Retry,
    /// The cause and the remedy, for the error page.
    pub docs: &'static str,
}

/// The text that replaces the details of an internal error.
pub(crate) const INTERNAL_DETAIL: &str =
    "The server failed to process the request. Its log has the cause.";

macro_rules! codes {
    ($($code:literal $status:literal $retry:ident $title:literal $docs:literal)*) => {
        /// All codes, ordered by status.
        pub(crate) const CODES: &[ProblemCode] = &[$(ProblemCode {
            code: $code,
            status: $status,
            title: $title,
            retry: Retry::$retry,
            docs: $docs,
        }),*];
    };
}

codes! {
    "invalid-json" 400 Never "Invalid JSON"
        "The body is not JSON, or an object in it has two members of one name."
    "invalid-parameter" 400 Never "Invalid parameter"
        "A query parameter or a header is unknown, malformed or out of range. The detail names it."
    "invalid-idempotency-key" 400 Never "Invalid idempotency key"
        "An `Idempotency-Key` has 1 to 255 visible ASCII characters. That of an anonymous sender \
         is a UUID."
    "invalid-query" 400 Never "Invalid query"
        "The filter, the order or the cursor of a query is invalid. A cursor belongs to the filter \
         and the order of the page that it came from. An order without an index is for a limited \
         number of aggregates."
    "invalid-position" 400 Never "Invalid position"
        "The log has no such row: the store was restored or replaced. Read the log from its start."
    "invalid-command-id" 400 Never "Invalid command id"
        "The id has the form that is reserved for commands that an action invokes."
    "invalid-subscription" 400 Never "Invalid subscription"
        "The subscription does not exist, or cannot be changed in this way."
    "store-unsupported" 400 Never "Not supported by the store"
        "The store does not offer this operation."
    "unauthenticated" 401 Never "Authentication required"
        "The request has no valid credentials. The header `WWW-Authenticate` names the scheme."
    "permission-denied" 403 Never "Permission denied"
        "The policy denies the request. The denial of a command is recorded."
    "foreign-origin" 403 Never "Foreign host or origin"
        "The header `Host` or `Origin` names another site than this server."
    "not-found" 404 NewKey "Not found"
        "The path has no route, or the resource does not exist, is closed, or belongs to another \
         realm."
    "unknown-command" 404 Never "Unknown command"
        "No command has this key. The detail names similar ones."
    "no-aggregate-root" 404 Never "No aggregate"
        "The command names no aggregate."
    "resource-not-allowed" 404 Never "Command not allowed on the resource"
        "The command does not apply to this resource."
    "method-not-allowed" 405 Never "Method not allowed"
        "The route exists for other methods, which the header `Allow` lists."
    "not-acceptable" 406 Never "Not acceptable"
        "The header `Accept` excludes the media type of the answer."
    "rejected" 409 NewKey "Rejected"
        "An action rejected the command; nothing changed. The member `rejection` has the author's \
         code."
    "already-exists" 409 NewKey "Already exists"
        "The id is taken. An id is used once, also if its aggregate is closed or not visible."
    "group-rejected" 409 NewKey "Group rejected"
        "A command of the atomic group was rejected, so none was applied. `path` names it."
    "conflict" 409 SameKey "Conflict"
        "Other commands changed the aggregate in each attempt."
    "multiple-results" 409 Never "Several results"
        "A query for one aggregate matched several."
    "precondition-failed" 412 NewKey "Precondition failed"
        "The aggregate is at another version than `If-Match` or `If-None-Match` demands. The \
         members `version` and `etag` have the current one."
    "too-large" 413 Never "Too large"
        "The body, or the unit of work of the request, exceeds its limit."
    "unsupported-media-type" 415 Never "Unsupported media type"
        "A body is `application/json` in UTF-8."
    "invalid-payload" 422 Never "Invalid payload"
        "A field of the payload is missing, unknown or of another type. `path` is a JSON Pointer \
         to it."
    "command-id-reused" 422 NewKey "Idempotency key reused"
        "The key was used for another command, aggregate or payload."
    "precondition-required" 428 Never "Precondition required"
        "The action demands `If-Match`: send the etag of the state that the decision was made on."
    "rate-limited" 429 SameKey "Too many requests"
        "The sender exceeds its rate. The header `Retry-After` has the pause in seconds."
    "panicked" 500 Never "Internal error"
        "The code of an action panicked; nothing changed."
    "no-runtime" 500 Never "Internal error"
        "The program called the domain from outside of a tokio runtime."
    "reentrant-invoke" 500 Never "Internal error"
        "An action invoked an aggregate that is being decided; nothing changed."
    "invoke-depth-exceeded" 500 Never "Internal error"
        "Actions invoke each other too deeply; nothing changed."
    "invalid-state" 500 Never "Internal error"
        "A stored state does not decode, or a new one cannot be stored; nothing changed."
    "store-error" 500 Never "Internal error"
        "The store failed, and a retry does not help; nothing changed."
    "overloaded" 503 SameKey "Overloaded"
        "The maximum number of commands is in flight."
    "shutting-down" 503 SameKey "Shutting down"
        "The server is shutting down. Another instance may answer."
    "store-unavailable" 503 SameKey "Store unavailable"
        "The store is unreachable; nothing changed."
    "timed-out" 503 SameKey "Timed out"
        "The action exceeded its timeout; nothing changed."
    "outcome-unknown" 504 SameKey "Outcome unknown"
        "The server did not learn the outcome of the command in time. The same request with the \
         same idempotency key resolves it."
}

/// Returns the properties of a code.
pub(crate) fn find(code: &str) -> Option<&'static ProblemCode> {
    CODES.iter().find(|each| each.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluvius_core::Error;

    #[test]
    fn each_code_of_the_framework_has_a_status() {
        for (code, _) in Error::CODES {
            assert!(find(code).is_some(), "{code}");
        }
    }

    #[test]
    fn codes_are_unique_and_ordered_by_status() {
        for pair in CODES.windows(2) {
            assert!(pair[0].status <= pair[1].status, "{} {}", pair[0].code, pair[1].code);
        }
        for (index, code) in CODES.iter().enumerate() {
            assert!(CODES[..index].iter().all(|before| before.code != code.code), "{}", code.code);
        }
    }
}
