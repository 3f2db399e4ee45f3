//! A bank in one schedule: runtimes over one content, clients, and the final check.

use std::collections::BTreeMap;
use std::future::Future;
use std::num::{NonZeroU16, NonZeroUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use banking_domain::{
    DepositMoney, OpenAccount, TransactionManagerDomain, TransferMoney, WithdrawMoney,
};
use fluvius_core::__private::test_seams::{Mutant, Scheduler};
use fluvius_core::{
    AggregateId, Command, CommandBundle, CommandProcessor, Domain, DomainContext, DomainRuntime,
    Error, IdGenerator, MemoryStore, Observer, RuntimeEvent, Session,
};
use fluvius_testing::{Faults, FaultyStore, FixedClock, SequentialIds, command};
use futures_util::{FutureExt, StreamExt};
use rust_decimal::Decimal;
use shuttle::future::JoinHandle;
use tower::ServiceExt;
use uuid::Uuid;

use crate::scheduled_store::ScheduledStore;
use crate::schedules::{Shuttle, Stats, below, happens, pause};
use fluvius_tests::bank::{self, Answer, SENDER, SentCommands};
use fluvius_tests::invariants;

/// A delay at which a store call yields to other tasks.
const SLOW: Duration = Duration::from_millis(1);

/// Yields until the runtime must be idle.
const PAUSES_UNTIL_REST: u32 = 100;

pub struct ScheduledBank {
    pub content: MemoryStore,
    pub domains: Vec<DomainRuntime>,
    stores: Vec<FaultyStore<ScheduledStore>>,
    max_in_flight: NonZeroU16,
    ids: SequentialIds,
    sent: Arc<Mutex<Vec<SentCommands>>>,
    clients: Vec<JoinHandle<Result<(), String>>>,
}

/// Options of a scenario's bank.
pub struct BankOptions<'a> {
    /// Opening balances of the accounts 1, 2, ..
    pub balances: &'a [i64],
    pub runtimes: u16,
    /// Limit of commands in flight in one runtime.
    pub max_in_flight: u16,
    /// Faults of the stores once the accounts are open.
    pub faults: Faults,
}

impl Default for BankOptions<'_> {
    fn default() -> Self {
        Self { balances: &[100, 100], runtimes: 1, max_in_flight: 16, faults: Faults::default() }
    }
}

/// Yields to other tasks while an action runs.
struct YieldInActions;

impl Observer for YieldInActions {
    fn on_event(&self, signal: &RuntimeEvent<'_>) {
        if let RuntimeEvent::EventRecorded { .. } = signal {
            (0..below(6)).for_each(|_| Shuttle.point());
        }
    }
}

impl ScheduledBank {
    pub async fn new(options: BankOptions<'_>, mutant: Option<Mutant>) -> Result<Self, String> {
        let mut bank = Self {
            content: MemoryStore::new(),
            domains: Vec::new(),
            stores: Vec::new(),
            max_in_flight: NonZeroU16::new(options.max_in_flight).ok_or("max_in_flight is zero")?,
            ids: SequentialIds::from(1_000_000),
            sent: Arc::default(),
            clients: Vec::new(),
        };
        for runtime in 0..options.runtimes {
            let store =
                FaultyStore::new(ScheduledStore(bank.content.clone()), seed(), Faults::default());
            bank.start(store.clone(), runtime, mutant).await?;
            bank.stores.push(store);
        }
        let session = bank.session(0);
        for (number, balance) in (1..).zip(options.balances) {
            let open = OpenAccount {
                account_number: number.to_string(),
                owner_name: "Ada".to_owned(),
                initial_deposit: Decimal::from(*balance),
            };
            let open =
                session.send(account(number), open).with_id(bank.ids.generate()).into_future();
            open.await.map_err(|error| error.to_string())?;
        }
        let max_delay = if happens(700) { SLOW } else { Duration::ZERO };
        for store in &bank.stores {
            store.set_faults(Faults { max_delay, ..options.faults.clone() });
        }
        Ok(bank)
    }

    async fn start(
        &mut self,
        store: FaultyStore<ScheduledStore>,
        runtime: u16,
        mutant: Option<Mutant>,
    ) -> Result<(), String> {
        let clock = FixedClock::at("2026-01-01T00:00:00Z".parse().expect("a time"));
        let mut builder = TransactionManagerDomain::builder(store)
            // Each runtime generates ids of its own.
            .id_generator(SequentialIds::from(1_000 * u64::from(runtime + 1)))
            .clock(clock)
            .observer(YieldInActions)
            .max_in_flight(self.max_in_flight)
            .cache_capacity(if happens(300) { 0 } else { 1 << 20 })
            .max_batch_units(NonZeroUsize::MIN.saturating_add(below(4).into()));
        if let Some(mutant) = mutant {
            builder = builder.plant(mutant);
        }
        self.domains.push(builder.build().await.map_err(|error| error.to_string())?);
        Ok(())
    }

    pub fn session(&self, runtime: usize) -> Session {
        self.domains[runtime].session(DomainContext::create(SENDER))
    }

    /// Returns a command to an account, with an id of its own.
    pub fn command<C: Command>(&self, number: u128, fields: C) -> CommandBundle {
        command(account(number), fields).with_id(self.ids.generate())
    }

    /// Starts a client that sends one command or group after the other.
    pub fn client(
        &mut self,
        session: Session,
        groups: impl IntoIterator<Item = Vec<CommandBundle>>,
    ) {
        let groups: Vec<Vec<CommandBundle>> = groups.into_iter().collect();
        let answers = self.answers();
        self.task(async move {
            for commands in groups {
                let answer = bank::send(&session, commands.clone()).await;
                answers.answered(commands, answer).await?;
            }
            Ok(())
        });
    }

    /// Starts a client that sends all commands as a stream, which is answered in order.
    pub fn stream(&mut self, session: Session, commands: Vec<CommandBundle>) {
        let answers = self.answers();
        self.task(async move {
            let mut responses = session.command_processor().process(commands.clone());
            let mut versions: BTreeMap<AggregateId, u64> = BTreeMap::new();
            for command in commands {
                let answer = responses.next().await.ok_or("the stream ends early")?;
                if let Ok(response) = &answer {
                    let before = versions.insert(response.aggregate_id.clone(), response.version);
                    if response.command_id != command.id || before >= Some(response.version) {
                        return Err(format!(
                            "after version {before:?} {command:?} gives {response}"
                        ));
                    }
                }
                answers.answered(vec![command], answer.map(|response| vec![response])).await?;
            }
            match responses.next().await {
                Some(more) => Err(format!("one answer too many: {more:?}")),
                None => Ok(()),
            }
        });
    }

    /// Starts a task that must end.
    pub fn task(&mut self, task: impl Future<Output = Result<(), String>> + Send + 'static) {
        self.clients.push(shuttle::future::spawn(task));
    }

    pub fn answers(&self) -> AnswerLog {
        AnswerLog { content: self.content.clone(), sent: Arc::clone(&self.sent) }
    }

    /// Waits for all clients, resolves open commands, and checks the invariants.
    pub async fn end(mut self) -> Result<Stats, String> {
        for client in self.clients.drain(..) {
            client.await.map_err(|error| error.to_string())??;
        }
        crate::schedules::set_time_up(0);
        for store in &self.stores {
            store.set_faults(Faults::default());
        }
        let mut sent = std::mem::take(&mut *self.sent.lock().expect("no client is left"));
        let stats = stats(&sent);
        bank::check_faults_left_nothing(&self.content, &sent).await?;
        let is_shut_down = self.is_shut_down();
        if !is_shut_down && stats.contains_key("shutting-down") {
            return Err("a running runtime answered that it is shutting down".to_owned());
        }
        if is_shut_down {
            let runtime = u16::try_from(self.domains.len()).map_err(|error| error.to_string())?;
            self.start(self.stores[0].clone(), runtime, None).await?;
            self.domains.swap_remove(0);
        }
        bank::resolve(&self.domains[0], &mut sent).await?;
        self.check_permits().await?;
        for domain in &self.domains {
            domain.shutdown().await;
        }
        invariants::check(&self.content, bank::applied_commands(&sent)?).await?;
        Ok(stats)
    }

    fn is_shut_down(&self) -> bool {
        let mut processor = self.session(0).command_processor();
        let ready = processor.ready().now_or_never();
        matches!(ready, Some(Err(Error::ShuttingDown)))
    }

    /// Checks that an idle runtime has all its permits. A command with a dropped future may still
    /// be in its last step, so the check waits.
    async fn check_permits(&self) -> Result<(), String> {
        for _ in 0..PAUSES_UNTIL_REST {
            let processor = || self.session(0).command_processor();
            let mut processors: Vec<_> =
                (0..self.max_in_flight.get()).map(|_| processor()).collect();
            let is_ready = |processor: &mut CommandProcessor| {
                matches!(processor.ready().now_or_never(), Some(Ok(_)))
            };
            if processors.iter_mut().all(is_ready) {
                return Ok(());
            }
            pause().await;
        }
        Err("an idle runtime has not released all permits".to_owned())
    }
}

/// The answers that clients have received.
#[derive(Clone)]
pub struct AnswerLog {
    content: MemoryStore,
    sent: Arc<Mutex<Vec<SentCommands>>>,
}

impl AnswerLog {
    pub async fn answered(
        &self,
        commands: Vec<CommandBundle>,
        answer: Answer,
    ) -> Result<(), String> {
        bank::check_stored_when_answered(&self.content, &answer).await?;
        self.write(SentCommands { commands, answer: Some(answer) });
        Ok(())
    }

    pub fn given_up(&self, commands: Vec<CommandBundle>) {
        self.write(SentCommands { commands, answer: None });
    }

    fn write(&self, sent: SentCommands) {
        self.sent.lock().expect("no client panics").push(sent);
    }
}

pub fn transfer(amount: i64, to: u128) -> TransferMoney {
    TransferMoney { amount: Decimal::from(amount), recipient_id: account(to) }
}

pub fn withdraw(amount: i64) -> WithdrawMoney {
    WithdrawMoney { amount: Decimal::from(amount) }
}

pub fn deposit(amount: i64) -> DepositMoney {
    DepositMoney { amount: Decimal::from(amount) }
}

fn account(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn seed() -> u64 {
    u64::from(below(u16::MAX))
}

fn stats(sent: &[SentCommands]) -> Stats {
    let mut stats = Stats::new();
    for one in sent {
        let name = match &one.answer {
            None => "given-up",
            Some(Ok(_)) => "applied",
            Some(Err(error)) => error.code(),
        };
        *stats.entry(name.to_owned()).or_default() += 1;
    }
    stats
}
