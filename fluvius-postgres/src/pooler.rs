//! Detection of poolers that assign a session per transaction or per statement. A store needs its
//! own sessions: it prepares statements, configures its sessions, and holds session locks.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::error::{Fault, unsupported_pooler};

/// Fails if two connections do not have separate sessions.
///
/// An idle pooler assigns the same session to a connection repeatedly. So one connection queries
/// its session before and during a transaction of the other one.
pub(crate) async fn check_sessions(client: &Client, other: &Client) -> Result<(), Fault> {
    let before = session(client).await?;
    match other.batch_execute("BEGIN").await {
        // A pooler that assigns a session per statement rejects transactions.
        Err(error) if error.code() == Some(&SqlState::PROTOCOL_VIOLATION) => {
            return Err(unsupported_pooler().into());
        }
        begun => begun?,
    }
    let (of_other, during) = (session(other).await?, session(client).await?);
    other.batch_execute("COMMIT").await?;
    let after = session(client).await?;
    match of_other == before || during != before || after != before {
        true => Err(unsupported_pooler().into()),
        false => Ok(()),
    }
}

/// Returns the server process behind a connection. A simple query prepares no statement.
async fn session(client: &Client) -> Result<Option<String>, Fault> {
    let messages = client.simple_query("SELECT pg_backend_pid()").await?;
    Ok(messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
