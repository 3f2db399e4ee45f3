//! What was sent, how it was answered, and how what is open is resolution: by sending it again.

use fluvius_core::{
    CommandBundle, DomainContext, DomainRuntime, Error, MemoryStore, Response, Session, Store,
};

use crate::invariants::AppliedCommand;

/// Who sends: the same actor in every session, so that an identifier is the same command.
pub const SENDER: &str = "simulation";

/// The answers to a command or a group, or why there are none.
pub type Answer = Result<Vec<Response>, Error>;

/// A command, or a group, and the answer that came.
#[derive(Debug, Clone)]
pub struct SentCommands {
    pub commands: Vec<CommandBundle>,
    /// `None`: it was not waited for.
    pub answer: Option<Answer>,
}

/// How what was sent had been answered before it was resolution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolution {
    pub applied: u64,
    pub rejected: u64,
    pub faults: u64,
    pub unanswered: u64,
    pub resolved_later: u64,
}

/// What the answers say to have been applied.
///
/// # Errors
/// Where something has no answer.
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

/// No answer comes before what it tells is stored.
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

/// What ended in an error that is no refusal has left nothing; only of one whose outcome is not
/// known nobody can say. Of those that were sent once: else another sending may have left it.
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

/// Sends everything again, under the same identifiers, until each has an answer.
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
                    again => return Err(format!("was refused with {error:?}, is now {again:?}")),
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

/// The answer that a command has, or gets now. One that is still in work may have met a fault.
async fn send_until_answered(session: &Session, one: &SentCommands) -> Result<Answer, String> {
    for _ in 0..3 {
        let answer = send(session, one.commands.clone()).await;
        if !matches!(&answer, Err(error) if is_store_fault(error)) {
            return Ok(answer);
        }
    }
    Err("the store is in peace, and still faults come".to_owned())
}

fn is_store_fault(error: &Error) -> bool {
    matches!(error.code(), "store-error" | "store-unavailable" | "outcome-unknown")
}

/// Whether an answer is in the log.
fn is_recorded(error: &Error) -> bool {
    matches!(error.code(), "rejected" | "not-found" | "already-exists" | "group-rejected")
}
