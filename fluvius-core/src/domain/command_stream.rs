//! A processor for many commands of one session, as a stream of responses or as a `tower` service.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream};
use tokio_util::sync::PollSemaphore;
use tower_service::Service;
use uuid::Uuid;

use super::Session;
use crate::error::Error;
use crate::model::{CommandBundle, Response};
use crate::processor::PermitMode;

/// Maximum number of commands of one stream in flight.
const STREAM_COMMAND_COUNT: usize = 64;

/// A processor for the commands of one session.
///
/// As a `tower` service it works with tower's layers for timeouts, limits and load shedding.
/// `poll_ready` waits for one of the `max_in_flight` permits, and `call` uses it.
pub struct CommandProcessor {
    session: Session,
    permits: PollSemaphore,
    place: PermitMode,
}

impl CommandProcessor {
    pub(super) fn new(session: Session) -> Self {
        let permits = PollSemaphore::new(session.processor.permits());
        Self { session, permits, place: PermitMode::Wait }
    }

    /// Processes commands in order, and returns their responses in the same order. Each command is
    /// accepted after the previous one, and decided on the result of the previous one before that
    /// is durable. An error does not stop the stream.
    ///
    /// # Cancellation
    /// If the stream is dropped, no further command is accepted. Accepted commands still complete.
    pub fn process<I>(&self, commands: I) -> BoxStream<'static, Result<Response, Error>>
    where
        I: IntoIterator<Item = CommandBundle>,
        I::IntoIter: Send + 'static,
    {
        let session = self.session.clone();
        let mut before = None;
        stream::iter(commands)
            .then(move |command| {
                let after = before.replace(command.id);
                begin(session.clone(), command, after)
            })
            .buffered(STREAM_COMMAND_COUNT)
            .boxed()
    }
}

/// Starts a command, and returns a future of its response.
async fn begin(
    session: Session,
    command: CommandBundle,
    after: Option<Uuid>,
) -> BoxFuture<'static, Result<Response, Error>> {
    let begun = match session.decode(command) {
        Ok(task) => session.processor.begin(&session.sender, task, after).await,
        Err(error) => Err(error),
    };
    Box::pin(async move {
        let outcome = begun?.await.map_err(|_| session.processor.why_closed())?;
        let mut answers = outcome.map_err(|ended| *ended.error)?;
        answers.pop().map(|answer| answer.response).ok_or(Error::ShuttingDown)
    })
}

impl Clone for CommandProcessor {
    /// Returns a processor without the permit that this one may hold.
    fn clone(&self) -> Self {
        Self::new(self.session.clone())
    }
}

impl fmt::Debug for CommandProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandProcessor").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Service<CommandBundle> for CommandProcessor {
    type Response = Response;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if !matches!(self.place, PermitMode::Reserved(_)) {
            let permit = ready!(self.permits.poll_acquire(cx));
            let permit = permit.ok_or_else(|| self.session.processor.why_closed())?;
            self.place = PermitMode::Reserved(permit);
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, command: CommandBundle) -> Self::Future {
        let session = self.session.clone();
        let place = std::mem::take(&mut self.place);
        Box::pin(async move {
            let task = session.decode(command)?;
            let processor = Arc::clone(&session.processor);
            Ok(processor.run(&session.sender, task, place).await?.response)
        })
    }
}
