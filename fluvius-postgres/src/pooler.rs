//! Poolers that give each transaction, or each statement, another session. A store cannot work over one: it prepares statements, sets its
//! sessions, and holds a lock of one.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::error::{Fault, pooled};

/// Fails if two connections do not have a session each.
///
/// A pooler that is idle gives a connection the same session again and again. So one connection is asked for its session
/// before and during a transaction of the other.
pub(crate) async fn refuse(client: &Client, other: &Client) -> Result<(), Fault> {
    let before = session(client).await?;
    match other.batch_execute("BEGIN").await {
        // A pooler that gives each statement another session takes no transaction.
        Err(error) if error.code() == Some(&SqlState::PROTOCOL_VIOLATION) => {
            return Err(pooled().into());
        }
        begun => begun?,
    }
    let (of_other, during) = (session(other).await?, session(client).await?);
    other.batch_execute("COMMIT").await?;
    let after = session(client).await?;
    match of_other == before || during != before || after != before {
        true => Err(pooled().into()),
        false => Ok(()),
    }
}

/// Returns the process of the server behind a connection. A simple query prepares nothing.
async fn session(client: &Client) -> Result<Option<String>, Fault> {
    let messages = client.simple_query("SELECT pg_backend_pid()").await?;
    Ok(messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}
