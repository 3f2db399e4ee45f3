//! The bank over any event store of cqrs-es.

use bench_common::{Bank, BankCommand, BankError, TempDir, Uuid};
use cqrs_es::{AggregateContext, AggregateError, CqrsFramework, EventStore};
use rust_decimal::Decimal;

use crate::account::{Account, AccountCommand};

pub(crate) struct CqrsBank<S: EventStore<Account>> {
    pub(crate) cqrs: CqrsFramework<Account, S>,
    pub(crate) reader: S,
    pub(crate) _folder: Option<TempDir>,
}

impl<S: EventStore<Account> + 'static> Bank for CqrsBank<S>
where
    S::AC: Send,
{
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        match self.cqrs.execute(&id.to_string(), AccountCommand(command)).await {
            Ok(()) => Ok(()),
            Err(AggregateError::AggregateConflict) => Err(BankError::Conflict),
            Err(AggregateError::UserError(_)) => Err(BankError::Rejected),
            Err(error) => {
                let text = format!("{error:?}");
                // cqrs-es reports a busy SQLite as another error.
                let busy = ["locked", "busy", "UNIQUE"].iter().any(|word| text.contains(word));
                Err(if busy { BankError::Conflict } else { BankError::Other(text) })
            }
        }
    }

    async fn balance(&self, id: Uuid) -> Option<Decimal> {
        Some(self.reader.load_aggregate(&id.to_string()).await.ok()?.aggregate().balance)
    }
}
