//! The commands that a randomized suite has sent to the bank, and their answers.

use fluvius_core::{
    CommandBundle, DomainContext, DomainRuntime, Error, MemoryStore, Response, Session, Store,
};

use crate::invariants::AppliedCommand;

/// Sender of all sessions. A command id identifies the same command in each of them.
pub const SENDER: &str = "simulation";

/// The responses to a command or a group, or its error.
pub type Answer = Result<Vec<Response>, Error>;

/// A command or a group, and its answer.
#[derive(Debug, Clone)]
pub struct SentCommands {
    pub commands: Vec<CommandBundle>,
    /// `None`: the sender gave up before the answer.
    pub answer: Option<Answer>,
}

/// Counts of the answers before resolution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolution {
    pub applied: u64,
    pub rejected: u64,
    pub faults: u64,
    pub unanswered: u64,
    pub resolved_later: u64,
}

/// Returns the commands that were answered as applied.
///
/// # Errors
/// If a command has no answer.
pub fn applied_commands(sent: &[SentCommands]) -> Result<Vec<AppliedCommand>, String> {
    let mut applied = Vec::new();
    for one in sent {
        let answer = one.answer.as_ref().ok_or("a command without an answer")?;
        applied.extend(answer.iter().flatten().map(|response| AppliedCommand {
            command_id: response.command_id,
            aggregate_id: response.aggregate_id.clone(),
            version: response.version,
        }));
    }
    Ok(applied)
}

pub async fn send(session: &Session, commands: Vec<CommandBundle>) -> Answer {
    match <[CommandBundle; 1]>::try_from(commands) {
        Ok([command]) => session.process_command(command).await.map(|response| vec![response]),
        Err(commands) => session.process_atomic(commands).await,
    }
}

/// Checks that the versions in an answer are stored.
pub async fn check_stored_when_answered(
    content: &MemoryStore,
    answer: &Answer,
) -> Result<(), String> {
    let Ok(responses) = answer else { return Ok(()) };
    for response in responses {
        let stored =
            content.load(&response.aggregate_id).await.map_err(|error| error.to_string())?;
        let version = stored.map_or(0, |stored| stored.version);
        if version < response.version {
            return Err(format!("answered before it was stored: {response}"));
        }
    }
    Ok(())
}

/// Checks that commands that ended in a fault left no row. Excludes commands in doubt. Excludes
/// commands that were sent twice, since the other attempt may have left the row.
pub async fn check_faults_left_nothing(
    content: &MemoryStore,
    sent: &[SentCommands],
) -> Result<(), String> {
    let times_sent = |id| sent.iter().flat_map(|one| &one.commands).filter(|c| c.id == id).count();
    for one in sent {
        let Some(Err(error)) = &one.answer else { continue };
        if is_recorded(error) || matches!(error, Error::OutcomeUnknown { .. }) {
            continue;
        }
        for command in one.commands.iter().filter(|command| times_sent(command.id) == 1) {
            let row = content.command(command.id).await.map_err(|error| error.to_string())?;
            if let Some((row, _)) = row {
                return Err(format!("was answered with {error:?}, and is in the log: {row:?}"));
            }
        }
    }
    Ok(())
}

/// Sends everything again under the same ids, until each command has an answer.
pub async fn resolve(
    domain: &DomainRuntime,
    sent: &mut [SentCommands],
) -> Result<Resolution, String> {
    let session = domain.session(DomainContext::create(SENDER));
    let mut resolution = Resolution::default();
    for one in sent {
        let again = send_until_answered(&session, one).await?;
        match &one.answer {
            Some(Ok(first)) => {
                resolution.applied += 1;
                let again = again.map_err(|error| format!("was applied, is now {error:?}"))?;
                if *first != again {
                    return Err(format!("two answers to one command:\n{first:?}\n{again:?}"));
                }
            }
            Some(Err(error)) if is_recorded(error) => {
                resolution.rejected += 1;
                match again {
                    Err(again) if again.to_string() == error.to_string() => {}
                    again => return Err(format!("was rejected with {error:?}, is now {again:?}")),
                }
            }
            open => {
                match open {
                    Some(_) => resolution.faults += 1,
                    None => resolution.unanswered += 1,
                }
                resolution.resolved_later += 1;
                one.answer = Some(again);
            }
        }
    }
    Ok(resolution)
}

/// Sends a command up to three times, until its answer is not a store fault. A command still in
/// flight may have met one.
async fn send_until_answered(session: &Session, one: &SentCommands) -> Result<Answer, String> {
    for _ in 0..3 {
        let answer = send(session, one.commands.clone()).await;
        if !matches!(&answer, Err(error) if is_store_fault(error)) {
            return Ok(answer);
        }
    }
    Err("the store has no injected faults, and commands still fail".to_owned())
}

fn is_store_fault(error: &Error) -> bool {
    matches!(error.code(), "store-error" | "store-unavailable" | "outcome-unknown")
}

/// Returns true if an error is recorded in the command log.
fn is_recorded(error: &Error) -> bool {
    matches!(error.framework_code(), "rejected" | "not-found" | "already-exists" | "group-rejected")
}
