//! The operations of a domain, without a transport: commands, states, queries, histories.
//!
//! A route or a tool reads its input into a request of this module, and writes the result in its
//! own form. This module knows neither headers nor the Model Context Protocol.

mod command;
mod history;
mod query;
mod state;

use std::sync::Arc;
use std::time::Duration;

use fluvius_core::{AggregateId, DomainContext, Error, ReadRequest, Session};

use crate::auth::Authenticated;
use crate::mounted::Mounted;
use crate::problem::{Problem, Scope, from_error};
use crate::settings::PageBounds;

pub(crate) use command::{CommandRequest, bundle, command_id, within};
pub(crate) use history::{HistoryRequest, MAX_EVENTS};
pub(crate) use query::{MAX_LIMIT, QueryRequest};
pub(crate) use state::StateRequest;

/// Default number of rows of a page.
pub(crate) const DEFAULT_LIMIT: usize = 50;

/// The sender of a request, at the domain that it is for.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) domain: Arc<Mounted>,
    pub(crate) sender: Authenticated,
    /// Maximum time from the acceptance of a command to its answer.
    pub(crate) request_timeout: Duration,
    pub(crate) page_bounds: PageBounds,
}

impl Caller {
    pub(crate) fn context(&self) -> &DomainContext {
        &self.sender.context
    }

    /// Returns a session of the sender. Its commands do not wait for a permit.
    pub(crate) fn session(&self) -> Session {
        self.domain.session(&self.sender.context)
    }

    /// Asks the policy for a read.
    ///
    /// # Errors
    /// `permission-denied`, or the fault of the policy.
    pub(crate) async fn may_read(&self, request: &ReadRequest<'_>) -> Result<(), Problem> {
        self.session().may_read(request).await.map_err(|error| self.problem(&error))
    }

    /// Returns the problem of a read.
    pub(crate) fn problem(&self, error: &Error) -> Problem {
        from_error(error, Scope { domain: &self.domain, command: None })
    }
}

/// Returns the error of an aggregate that the sender does not see.
fn not_found(aggregate_id: &AggregateId) -> Error {
    Error::NotFound { aggregate_id: aggregate_id.clone(), recorded: None }
}
