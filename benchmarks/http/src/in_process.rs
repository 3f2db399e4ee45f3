//! The same deposits without HTTP: `create_command` and `process_command` by tasks of this process.

use std::time::{Duration, Instant};

use banking_domain::{Account, OpenAccount};
use bench_common::{OPENING, Rng, account_id};
use fluvius_core::{AggregateId, DomainContext, DomainRuntime, Session, Transport, idempotency};
use rust_decimal::Decimal;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::ledger::Ledger;
use crate::system::Fault;

/// The domain's namespace, which the id of a command is derived from.
const NAMESPACE: &str = "transaction-manager";

/// The parameters of a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) accounts: usize,
    pub(crate) clients: usize,
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
    /// Set if each command has a session of its own.
    pub(crate) has_sessions: bool,
}

fn context() -> DomainContext {
    DomainContext::create("http").with_transport(Transport::Http)
}

impl Load {
    /// Opens the accounts.
    ///
    /// # Errors
    /// A command that fails.
    pub(crate) async fn open_accounts(self, domain: &DomainRuntime) -> Result<(), Fault> {
        let session = domain.session(context());
        for account in 0..self.accounts {
            let open = OpenAccount {
                account_number: "0123456789".to_owned(),
                owner_name: "Ada Lovelace".to_owned(),
                initial_deposit: Decimal::from(OPENING),
            };
            session.send(account_id(account), open).await?;
        }
        Ok(())
    }

    /// Sends deposits for the warm-up and the measured time, and returns the latencies within the
    /// latter and all acknowledged deposits. `at` is called at its begin and at its end.
    ///
    /// # Errors
    /// A command that fails.
    pub(crate) async fn run(
        self,
        domain: &DomainRuntime,
        mut at: impl FnMut(),
    ) -> Result<(Vec<u64>, Ledger), Fault> {
        let begin = Instant::now() + self.warm_up;
        let session = domain.session(context());
        let mut clients = JoinSet::new();
        for client in 0..self.clients {
            clients.spawn(self.client(domain.clone(), session.clone(), client, begin));
        }
        for edge in [begin, begin + self.time] {
            tokio::time::sleep_until(edge.into()).await;
            at();
        }
        let (mut latencies, mut ledger) = (Vec::new(), Ledger::new(self.accounts));
        while let Some(sent) = clients.join_next().await {
            let (of_client, deposits) = sent??;
            latencies.extend(of_client);
            ledger.merge(&deposits);
        }
        latencies.sort_unstable();
        Ok((latencies, ledger))
    }

    async fn client(
        self,
        domain: DomainRuntime,
        session: Session,
        client: usize,
        begin: Instant,
    ) -> Result<(Vec<u64>, Ledger), Fault> {
        let mut rng = Rng::new(client as u64 + 1);
        let (mut latencies, mut ledger) = (Vec::new(), Ledger::new(self.accounts));
        let context = context();
        let end = begin + self.time;
        loop {
            let account = rng.below(u32::try_from(self.accounts).unwrap_or(u32::MAX)) as usize;
            let cents = i64::from(rng.below(10_000)) + 1;
            let payload = format!(r#"{{"amount":"{}"}}"#, Decimal::new(cents, 2));
            let begun = Instant::now();
            let key = Uuid::new_v4().to_string();
            let id = idempotency::command_id(NAMESPACE, &context, &key);
            let session = match self.has_sessions {
                true => domain.session(context.clone()),
                false => session.clone(),
            };
            let session = session.aggregate(AggregateId::new("bank-account", account_id(account)));
            let command = session.create_command("deposit-money", payload.as_str())?.with_id(id);
            session.process_command(command).await?;
            let answered = Instant::now();
            ledger.add(account, cents);
            if (begin..end).contains(&answered) {
                let latency = answered.duration_since(begun).as_nanos();
                latencies.push(u64::try_from(latency).unwrap_or(u64::MAX));
            }
            if answered >= end {
                return Ok((latencies, ledger));
            }
        }
    }

    /// Reads the balances and the versions of all accounts.
    ///
    /// # Errors
    /// An account that cannot be read.
    pub(crate) async fn read_accounts(
        self,
        domain: &DomainRuntime,
    ) -> Result<Vec<(Decimal, u64)>, Fault> {
        let mut stored = Vec::new();
        for account in 0..self.accounts {
            let account = domain.statemgr().fetch::<Account>(account_id(account)).await?;
            let version = fluvius_core::Versioned::record(&account).version;
            stored.push((account.balance, version));
        }
        Ok(stored)
    }
}
