//! A bank in one schedule: runtimes over one content, clients at work, then peace and the check.

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
    AggregateId, Command, CommandBundle, Domain, DomainContext, DomainRuntime, Error, IdGenerator,
    MemoryStore, Observer, RuntimeEvent, Session,
};
use fluvius_testing::{Faults, FaultyStore, FixedClock, SequentialIds, command};
use futures_util::{FutureExt, StreamExt};
use rust_decimal::Decimal;
use shuttle::future::JoinHandle;
use tower::ServiceExt;
use uuid::Uuid;

use crate::bank::log;
use crate::bank::sent::{self, Answer, SENDER, Sent};
use crate::schedules::{Shuttle, Tally, below, happens, pause};

/// A store that lets others go on within each call.
const SLOW: Duration = Duration::from_millis(1);

/// How often others may go on until the runtime must be at rest.
const PAUSES_UNTIL_REST: u32 = 100;

pub struct World {
    pub content: MemoryStore,
    pub domains: Vec<DomainRuntime>,
    stores: Vec<FaultyStore<MemoryStore>>,
    places: NonZeroU16,
    ids: SequentialIds,
    sent: Arc<Mutex<Vec<Sent>>>,
    clients: Vec<JoinHandle<Result<(), String>>>,
}

/// What a scenario wants of its world.
pub struct Wanted<'a> {
    /// What is paid in to the accounts 1, 2, ..
    pub balances: &'a [i64],
    pub runtimes: u16,
    /// How many commands may be in work in one runtime.
    pub places: u16,
    /// What goes wrong in the stores once the accounts are open.
    pub faults: Faults,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        Self { balances: &[100, 100], runtimes: 1, places: 16, faults: Faults::default() }
    }
}

/// Other tasks go on while a rule runs.
struct Interrupted;

impl Observer for Interrupted {
    fn on_event(&self, signal: &RuntimeEvent<'_>) {
        if let RuntimeEvent::EventRecorded { .. } = signal {
            (0..below(6)).for_each(|_| Shuttle.point());
        }
    }
}

impl World {
    pub async fn new(wanted: Wanted<'_>, mutant: Option<Mutant>) -> Result<Self, String> {
        let mut world = Self {
            content: MemoryStore::new(),
            domains: Vec::new(),
            stores: Vec::new(),
            places: NonZeroU16::new(wanted.places).ok_or("no places")?,
            ids: SequentialIds::from(1_000_000),
            sent: Arc::default(),
            clients: Vec::new(),
        };
        for runtime in 0..wanted.runtimes {
            let store = FaultyStore::new(world.content.clone(), seed(), Faults::default());
            world.start(store.clone(), runtime, mutant).await?;
            world.stores.push(store);
        }
        let session = world.session(0);
        for (number, balance) in (1..).zip(wanted.balances) {
            let open = OpenAccount {
                account_number: number.to_string(),
                owner_name: "somebody".to_owned(),
                initial_deposit: Decimal::from(*balance),
            };
            let open = session.prepare(account(number), open).with_id(world.ids.generate()).send();
            open.await.map_err(|error| error.to_string())?;
        }
        let delay_max = if happens(700) { SLOW } else { Duration::ZERO };
        for store in &world.stores {
            store.set_faults(Faults { delay_max, ..wanted.faults.clone() });
        }
        Ok(world)
    }

    async fn start(
        &mut self,
        store: FaultyStore<MemoryStore>,
        runtime: u16,
        mutant: Option<Mutant>,
    ) -> Result<(), String> {
        let clock = FixedClock::at("2026-01-01T00:00:00Z".parse().expect("a time"));
        let mut builder = TransactionManagerDomain::builder(store)
            // What the runtimes name themselves, they name each for itself.
            .id_generator(SequentialIds::from(1_000 * u64::from(runtime + 1)))
            .clock(clock)
            .observer(Interrupted)
            .max_in_flight(self.places)
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

    /// A command to an account, under an identifier of its own.
    pub fn order<C: Command>(&self, number: u128, order: C) -> CommandBundle {
        command(account(number), order).with_id(self.ids.generate())
    }

    /// A client that sends one after the other, commands or groups.
    pub fn client(
        &mut self,
        session: Session,
        orders: impl IntoIterator<Item = Vec<CommandBundle>>,
    ) {
        let orders: Vec<Vec<CommandBundle>> = orders.into_iter().collect();
        let books = self.books();
        self.task(async move {
            for commands in orders {
                let answer = sent::send(&session, commands.clone()).await;
                books.answered(commands, answer).await?;
            }
            Ok(())
        });
    }

    /// A client that sends all as a stream, which is answered in order.
    pub fn stream(&mut self, session: Session, orders: Vec<CommandBundle>) {
        let books = self.books();
        self.task(async move {
            let mut responses = session.command_processor().process(orders.clone());
            let mut versions: BTreeMap<AggregateId, u64> = BTreeMap::new();
            for command in orders {
                let answer = responses.next().await.ok_or("the stream ends early")?;
                if let Ok(response) = &answer {
                    let before = versions.insert(response.aggregate_id.clone(), response.version);
                    if response.command_id != command.id || before >= Some(response.version) {
                        return Err(format!(
                            "after version {before:?} {command:?} gives {response}"
                        ));
                    }
                }
                books.answered(vec![command], answer.map(|response| vec![response])).await?;
            }
            match responses.next().await {
                Some(more) => Err(format!("one answer too many: {more:?}")),
                None => Ok(()),
            }
        });
    }

    /// A task that must come to its end.
    pub fn task(&mut self, task: impl Future<Output = Result<(), String>> + Send + 'static) {
        self.clients.push(shuttle::future::spawn(task));
    }

    pub fn books(&self) -> Books {
        Books { content: self.content.clone(), sent: Arc::clone(&self.sent) }
    }

    /// Waits for all clients, settles what is open, and checks what must hold.
    pub async fn end(mut self) -> Result<Tally, String> {
        for client in self.clients.drain(..) {
            client.await.map_err(|error| error.to_string())??;
        }
        crate::schedules::set_time_up(0);
        for store in &self.stores {
            store.set_faults(Faults::default());
        }
        let mut sent = std::mem::take(&mut *self.sent.lock().expect("no client is left"));
        let tally = tally(&sent);
        sent::faults_left_nothing(&self.content, &sent).await?;
        let is_shut_down = self.is_shut_down();
        if !is_shut_down && tally.contains_key("shutting-down") {
            return Err("a runtime at work has answered that it is shutting down".to_owned());
        }
        if is_shut_down {
            let runtime = u16::try_from(self.domains.len()).map_err(|error| error.to_string())?;
            self.start(self.stores[0].clone(), runtime, None).await?;
            self.domains.swap_remove(0);
        }
        sent::settle(&self.domains[0], &mut sent).await?;
        self.has_all_places().await?;
        for domain in &self.domains {
            domain.shutdown().await;
        }
        log::check(&self.content, sent::applied(&sent)?).await?;
        Ok(tally)
    }

    fn is_shut_down(&self) -> bool {
        let mut place = self.session(0).command_processor();
        let ready = place.ready().now_or_never();
        matches!(ready, Some(Err(Error::ShuttingDown)))
    }

    /// At rest each place among the commands that may be in work is free: soon, since a command
    /// that nobody waits for may still be on its last step.
    async fn has_all_places(&self) -> Result<(), String> {
        for _ in 0..PAUSES_UNTIL_REST {
            let processor = || self.session(0).command_processor();
            let mut places: Vec<_> = (0..self.places.get()).map(|_| processor()).collect();
            if places.iter_mut().all(|place| matches!(place.ready().now_or_never(), Some(Ok(_)))) {
                return Ok(());
            }
            pause().await;
        }
        Err("a place is taken at rest".to_owned())
    }
}

/// Where clients write down what they were answered.
#[derive(Clone)]
pub struct Books {
    content: MemoryStore,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Books {
    pub async fn answered(
        &self,
        commands: Vec<CommandBundle>,
        answer: Answer,
    ) -> Result<(), String> {
        sent::is_stored_when_answered(&self.content, &answer).await?;
        self.write(Sent { commands, answer: Some(answer) });
        Ok(())
    }

    pub fn given_up(&self, commands: Vec<CommandBundle>) {
        self.write(Sent { commands, answer: None });
    }

    fn write(&self, sent: Sent) {
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

fn tally(sent: &[Sent]) -> Tally {
    let mut tally = Tally::new();
    for one in sent {
        let name = match &one.answer {
            None => "given-up",
            Some(Ok(_)) => "applied",
            Some(Err(error)) => error.rejection_code().unwrap_or(error.code()),
        };
        *tally.entry(name.to_owned()).or_default() += 1;
    }
    tally
}
