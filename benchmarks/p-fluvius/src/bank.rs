//! The bank of `banking-domain`, with typed commands and with JSON by key.

use banking_domain::{Account, DepositMoney, OpenAccount, TransactionManagerDomain, WithdrawMoney};
use bench_common::{Bank, BankCommand, BankError, Uuid};
use fluvius_core::{
    AggregateId, BuildError, Domain, DomainContext, DomainRuntime, Error, Session, Store,
};
use rust_decimal::Decimal;

/// The largest amount of the workload, in cents.
const MAX_CENTS: i64 = 10_000;

/// The length of the longest payload.
const PAYLOAD_LENGTH: usize = r#"{"amount":"100.00"}"#.len();

/// A bank that sends typed commands.
pub(crate) struct Typed {
    session: Session,
    domain: DomainRuntime,
}

impl Typed {
    /// Builds the bank over a store, with the default settings.
    pub(crate) async fn over(store: impl Store) -> Result<Self, BuildError> {
        Ok(Self::of(TransactionManagerDomain::runtime(store).await?))
    }

    /// Builds the bank over a store, with a size of its cache in bytes.
    #[cfg(feature = "sqlite")]
    pub(crate) async fn with_cache(store: impl Store, capacity: usize) -> Result<Self, BuildError> {
        let builder = TransactionManagerDomain::builder(store).cache_capacity(capacity);
        Ok(Self::of(builder.build().await?))
    }

    fn of(domain: DomainRuntime) -> Self {
        Self { session: domain.session(DomainContext::create("benchmark")), domain }
    }
}

impl Typed {
    /// Transfers an amount to another account.
    #[cfg(feature = "postgres")]
    pub(crate) async fn transfer(
        &self,
        id: Uuid,
        amount: Decimal,
        recipient_id: Uuid,
    ) -> Result<(), Error> {
        let transfer = banking_domain::TransferMoney { amount, recipient_id };
        self.session.send(id, transfer).await.map(drop)
    }

    /// Returns the domain.
    pub(crate) fn domain(&self) -> &DomainRuntime {
        &self.domain
    }

    /// Sends a command. Returns its id.
    pub(crate) async fn send(&self, id: Uuid, command: BankCommand) -> Result<Uuid, Error> {
        let session = &self.session;
        match command {
            BankCommand::Open(initial_deposit) => {
                let (account_number, owner_name) = ("0123456789".into(), "Ada Lovelace".into());
                let open = OpenAccount { account_number, owner_name, initial_deposit };
                session.send(id, open).await.map(|response| response.command_id)
            }
            BankCommand::Deposit(amount) => {
                let deposit = DepositMoney { amount };
                session.send(id, deposit).await.map(|response| response.command_id)
            }
            BankCommand::Withdraw(amount) => {
                let withdrawal = WithdrawMoney { amount };
                session.send(id, withdrawal).await.map(|response| response.command_id)
            }
        }
    }
}

impl Bank for Typed {
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        self.send(id, command).await.map(drop).map_err(failure)
    }

    async fn balance(&self, id: Uuid) -> Option<Decimal> {
        Some(self.domain.statemgr().fetch::<Account>(id).await.ok()?.balance)
    }
}

/// A bank that sends JSON text by key, as a transport passes it.
pub(crate) struct ByKey {
    typed: Typed,
    /// The payload of each amount, written beforehand, since writing it is work of the client. Each
    /// is padded with spaces. All are in one text, so that the client adds at most one cache miss.
    payloads: String,
}

impl ByKey {
    /// Builds the bank over a store, with the default settings.
    pub(crate) async fn over(store: impl Store) -> Result<Self, BuildError> {
        let mut payloads = String::new();
        for cents in 0..=MAX_CENTS {
            let payload = format!(r#"{{"amount":"{}"}}"#, Decimal::new(cents, 2));
            payloads.push_str(&format!("{payload:PAYLOAD_LENGTH$}"));
        }
        Ok(Self { typed: Typed::over(store).await?, payloads })
    }

    fn payload(&self, amount: Decimal) -> Option<&str> {
        let cents = Some(amount).filter(|amount| amount.scale() == 2)?.mantissa();
        let start = usize::try_from(cents).ok()?.checked_mul(PAYLOAD_LENGTH)?;
        Some(self.payloads.get(start..start + PAYLOAD_LENGTH)?.trim_end())
    }

    async fn send(&self, id: Uuid, key: &str, amount: Decimal) -> Result<(), BankError> {
        let payload = self.payload(amount);
        let payload = payload.ok_or_else(|| BankError::other("no amount of the workload"))?;
        let session = self.typed.session.aggregate(AggregateId::new("bank-account", id));
        let command = session.create_command(key, payload).map_err(failure)?;
        session.process_command(command).await.map(drop).map_err(failure)
    }
}

impl Bank for ByKey {
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        match command {
            BankCommand::Open(_) => self.typed.run(id, command).await,
            BankCommand::Deposit(amount) => self.send(id, "deposit-money", amount).await,
            BankCommand::Withdraw(amount) => self.send(id, "withdraw-money", amount).await,
        }
    }

    async fn balance(&self, id: Uuid) -> Option<Decimal> {
        self.typed.balance(id).await
    }
}

fn failure(error: Error) -> BankError {
    match error {
        Error::Rejected { .. } => BankError::Rejected,
        error => BankError::other(error),
    }
}

#[cfg(test)]
mod tests {
    use bench_common::account_id;
    use fluvius_core::{CommandRecord, EventRecord, LogQuery, MemoryStore};

    use super::*;

    /// Checks that the bank records everything. Without that, its rate is not comparable.
    async fn check_everything_is_recorded<B: Bank>(bank: B, store: MemoryStore) {
        let id = account_id(0);
        bank.run(id, BankCommand::Open(Decimal::from(50))).await.unwrap();
        for cents in 1..=9 {
            bank.run(id, BankCommand::Deposit(Decimal::new(cents, 2))).await.unwrap();
        }
        let refused = bank.run(id, BankCommand::Withdraw(Decimal::new(10_000, 2))).await;
        assert!(matches!(refused, Err(BankError::Rejected)), "{refused:?}");
        bank.run(id, BankCommand::Withdraw(Decimal::new(5_000, 2))).await.unwrap();
        assert_eq!(bank.balance(id).await, Some(Decimal::new(45, 2)));

        let aggregate_id = AggregateId::new("bank-account", id);
        assert_eq!(store.load(&aggregate_id).await.unwrap().unwrap().version, 11);
        let query = LogQuery::all().limit(100);
        let (commands, events) = (
            store.read_log::<CommandRecord>(&query).await.unwrap().rows,
            store.read_log::<EventRecord>(&query).await.unwrap().rows,
        );
        let applied = commands.iter().filter(|row| row.record.code.is_none()).count();
        // The rejected command is recorded too, without an event.
        assert_eq!((commands.len(), applied, events.len()), (12, 11, 11));
        assert!(store.context(commands[0].record.context_id).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_payload_is_that_of_its_amount() {
        let bank = ByKey::over(MemoryStore::new()).await.unwrap();
        for (cents, payload) in [
            (1, Some(r#"{"amount":"0.01"}"#)),
            (1050, Some(r#"{"amount":"10.50"}"#)),
            (10_000, Some(r#"{"amount":"100.00"}"#)),
            (10_001, None),
            (-1, None),
        ] {
            assert_eq!(bank.payload(Decimal::new(cents, 2)), payload);
        }
        assert_eq!(bank.payload(Decimal::from(1)), None);
    }

    #[tokio::test]
    async fn typed_commands_are_recorded_whole() {
        let store = MemoryStore::new();
        check_everything_is_recorded(Typed::over(store.clone()).await.unwrap(), store).await;
    }

    #[tokio::test]
    async fn commands_by_key_are_recorded_whole() {
        let store = MemoryStore::new();
        check_everything_is_recorded(ByKey::over(store.clone()).await.unwrap(), store).await;
    }
}
