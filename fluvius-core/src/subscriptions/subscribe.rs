//! The builder of a subscription.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc::unbounded_channel;
use tracing::Instrument;

use super::connected::{Deliveries, Subscription};
use super::creation::{Wanted, created};
use super::delivery::{Delivery, Ticket};
use super::feed::Feed;
use super::item::Answer;
use super::member::{Member, MemberMetrics, Sink};
use super::operations::invalid;
use super::partition::PartitionSettings;
use super::rows::Fitness;
use super::selection::Selection;
use super::worker::{Joined, Worker};
use crate::decode_error::DecodeError;
use crate::error::Error;
use crate::model::Aggregate;
use crate::observability::spans;
use crate::unwind::Guarded;
use fluvius_store::{EventRecord, RealmFilter, ResumeToken};

/// The place at which a new subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Before the first event.
    Beginning,
    /// After the newest event, so that only later ones are delivered.
    Now,
    /// After a row or a position. It must be in the logs of the store.
    After(ResumeToken),
}

/// The later deliveries of an aggregate, once one of its deliveries is parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnPark {
    /// They wait until the parked delivery is done or discarded, so the order is kept.
    #[default]
    Hold,
    /// They are delivered.
    Continue,
}

/// The treatment of an event that the program cannot decode or upcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Undecodable {
    /// The partition stops, until an operator skips the event or a program that decodes it starts.
    #[default]
    Stop,
    /// The delivery is parked.
    Park,
}

type Decode<E> = Arc<dyn Fn(&EventRecord) -> Result<E, DecodeError> + Send + Sync>;

/// A builder of a subscription: a named reader of the event log with stored checkpoints.
///
/// Created by [`DomainRuntime::subscribe`](crate::DomainRuntime::subscribe). `E` is the type of the
/// events that it decodes.
///
/// # Shape
/// The events of an aggregate are delivered in their order, each at least once: an event comes
/// again after a failed attempt, and after a crash of the process, which loses the answers since
/// the last stored checkpoint. Checkpoints are stored at least once a second while they change. So
/// a consumer must tolerate repetition; the id of the event tells it.
///
/// Events are divided by aggregate into partitions. Each partition is worked on by one process.
/// With one delivery in flight, which is the default, its events are delivered in log order.
/// Processes that connect under one name share the partitions, and take over those of a process
/// that has ended.
///
/// A failed delivery is repeated after a back-off from 100 ms to 5 min, with jitter. After 20
/// attempts it is parked: set aside with its error, until an operator
/// [retries](super::Subscriptions::retry) or [discards](super::Subscriptions::discard) it.
///
/// An event of a key or a revision that the program does not know is never skipped. The partition
/// is given up before it, to a process with a newer program.
///
/// # Examples
///
/// ```
/// use fluvius_core::subscriptions::Start;
/// # use fluvius_core::{DomainRuntime, Error};
/// # async fn send_mail(key: &str) -> Result<(), std::io::Error> { Ok(()) }
/// # async fn run(domain: DomainRuntime) -> Result<(), Error> {
/// let mailer = domain
///     .subscribe("mailer")
///     .event_keys(["account-opened"])
///     .start_at(Start::Now)
///     .run(|delivery| async move { send_mail(delivery.record().record.key()).await })
///     .await?;
/// // ..
/// mailer.stop().await;
/// # Ok(())
/// # }
/// ```
#[must_use = "call `run` or `connect`"]
pub struct Subscribe<E = ()> {
    worker: Arc<Worker>,
    name: String,
    selection: Selection,
    start: Option<Start>,
    partitions: Option<u32>,
    max_in_flight: usize,
    on_park: OnPark,
    undecodable: Undecodable,
    decode: Decode<E>,
}

impl Subscribe {
    pub(crate) fn new(worker: Arc<Worker>, name: &str) -> Self {
        Self {
            worker,
            name: name.to_owned(),
            selection: Selection::default(),
            start: None,
            partitions: None,
            max_in_flight: 1,
            on_park: OnPark::default(),
            undecodable: Undecodable::default(),
            decode: Arc::new(|_| Ok(())),
        }
    }

    /// Delivers the events of an aggregate type, decoded.
    pub fn events_of<A: Aggregate>(self) -> Subscribe<A::Event> {
        let selection = self.selection.clone().events_of::<A>();
        let decode = |record: &EventRecord| A::Event::try_from(record);
        self.decoding(selection, Arc::new(decode))
    }

    /// Delivers only events of these resources.
    pub fn resources<R: Into<String>>(mut self, resources: impl IntoIterator<Item = R>) -> Self {
        self.selection = self.selection.resources(resources.into_iter().map(Into::into).collect());
        self
    }
}

impl<E: 'static> Subscribe<E> {
    fn decoding<T>(self, selection: Selection, decode: Decode<T>) -> Subscribe<T> {
        let Self { worker, name, start, partitions, max_in_flight, on_park, undecodable, .. } =
            self;
        Subscribe {
            worker,
            name,
            selection,
            start,
            partitions,
            max_in_flight,
            on_park,
            undecodable,
            decode,
        }
    }

    /// Delivers events that cannot be decoded too: each delivery has the result of the decoding.
    pub fn raw(self) -> Subscribe<Result<E, DecodeError>> {
        let (selection, decode) = (self.selection.clone(), Arc::clone(&self.decode));
        self.decoding(selection, Arc::new(move |record| Ok(decode(record))))
    }

    /// Delivers only events with one of these keys.
    pub fn event_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        let keys: BTreeSet<String> = keys.into_iter().map(Into::into).collect();
        self.selection = self.selection.keys(keys);
        self
    }

    /// Delivers only events of one realm, or those without a realm. By default a subscription
    /// belongs to the program and sees all realms.
    pub fn realm<R: Into<String>>(mut self, realm: Option<R>) -> Self {
        self.selection = self.selection.realm(RealmFilter::Only(realm.map(Into::into)));
        self
    }

    /// Sets the place at which the subscription begins. Required. It is used once, when the
    /// subscription is created; later it goes on at its checkpoints.
    pub fn start_at(mut self, start: Start) -> Self {
        self.start = Some(start);
        self
    }

    /// Sets the number of partitions, from 1 to 1,024. Default: 16, or the number with which the
    /// subscription was created. It stays the same until an operator
    /// [changes](super::Subscriptions::repartition) it.
    pub fn partitions(mut self, count: u32) -> Self {
        self.partitions = Some(count);
        self
    }

    /// Sets the maximum number of unanswered deliveries of a partition. Default: 1, so the next
    /// delivery comes after the answer to the one before. Events of one aggregate are delivered one
    /// after another for every number. At least 1.
    pub fn max_in_flight(mut self, deliveries: usize) -> Self {
        self.max_in_flight = deliveries.max(1);
        self
    }

    /// Sets whether the later deliveries of an aggregate wait for a parked one.
    pub fn on_park(mut self, on_park: OnPark) -> Self {
        self.on_park = on_park;
        self
    }

    /// Sets the treatment of an event that the program cannot decode or upcast.
    pub fn undecodable(mut self, undecodable: Undecodable) -> Self {
        self.undecodable = undecodable;
        self
    }

    /// Connects, and calls `handler` for each delivery, in tasks of the runtime. Returns once the
    /// subscription is created.
    ///
    /// `Ok` of the handler acknowledges the delivery; an error or a panic repeats it after a
    /// back-off. The partitions that this process owns are worked on concurrently.
    ///
    /// # Errors
    /// `invalid-subscription` if the name is not kebab case, [`start_at`](Self::start_at) is
    /// missing, the number of partitions is out of range or another one than that of the
    /// subscription, or this runtime serves the subscription already; `store-unsupported`,
    /// `invalid-position`, `shutting-down`, `store-unavailable`, `store-error`.
    ///
    /// # Cancellation
    /// If the future is dropped, the subscription may be created. It is not worked on.
    pub async fn run<H, F, R>(self, handler: H) -> Result<Subscription, Error>
    where
        E: Send,
        H: Fn(Delivery<E>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), R>> + Send + 'static,
        R: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let decode = Arc::clone(&self.decode);
        let services = &self.worker.processor.services;
        let (home, metadata) = (services.home.clone(), services.metadata);
        let handler = Arc::new(handler);
        let name: Arc<str> = self.name.as_str().into();
        let sink = move |ticket: Arc<Ticket>| {
            let Some(delivery) = decoded(&ticket, &decode) else { return };
            let handler = Arc::clone(&handler);
            let span = spans::guarded(|| {
                spans::delivery(metadata, &name, ticket.partition, ticket.attempt, &ticket.row)
            });
            let handle = async move {
                let handled = Guarded::of(|| Box::pin(handled(handler(delivery)))).await;
                ticket.answer(match handled {
                    Some(Ok(())) => Answer::Ack,
                    Some(Err(error)) => Answer::Failed(error),
                    None => Answer::Failed("the handler panicked".to_owned()),
                });
            };
            home.spawn(handle.instrument(span));
        };
        let sink = Arc::new(sink);
        self.join(move || {
            let sink = Arc::clone(&sink);
            Box::new(move |ticket| sink(ticket))
        })
        .await
    }

    /// Connects, and returns the deliveries as a stream. Each must be answered.
    ///
    /// Dropping the stream stops the subscription in this process. Deliveries that it has not
    /// yielded come again, here or in another process.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Cancellation
    /// As [`run`](Self::run).
    ///
    /// # Examples
    ///
    /// ```
    /// use fluvius_core::subscriptions::Start;
    /// use futures_util::StreamExt;
    ///
    /// # use fluvius_core::{DomainRuntime, Error};
    /// # async fn run(domain: DomainRuntime) -> Result<(), Error> {
    /// let audit = domain.subscribe("audit").start_at(Start::Beginning).max_in_flight(100);
    /// let mut deliveries = audit.connect().await?;
    /// while let Some(delivery) = deliveries.next().await {
    ///     println!("{}", delivery.record().record.key());
    ///     delivery.ack();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(self) -> Result<Deliveries<E>, Error>
    where
        E: Send,
    {
        let decode = Arc::clone(&self.decode);
        let (sender, receiver) = unbounded_channel();
        let subscription = self
            .join(move || {
                let sender = sender.clone();
                // If the stream was dropped, the delivery is dropped too, and so comes again.
                Box::new(move |ticket| drop(sender.send(ticket)))
            })
            .await?;
        let decode = Box::new(move |ticket: &Arc<Ticket>| decoded(ticket, &decode));
        Ok(Deliveries::new(subscription, receiver, decode))
    }

    /// Creates the subscription if it is new, and passes it to the worker.
    async fn join(self, sink: impl Fn() -> Sink + Send + Sync) -> Result<Subscription, Error> {
        let wanted = Wanted { name: &self.name, start: self.start, partitions: self.partitions };
        let (full_name, count) = created(&self.worker, &wanted).await?;
        let domain = self.worker.processor.services.metadata.namespace;
        let settings = PartitionSettings {
            max_in_flight: self.max_in_flight,
            parks_alone: self.on_park == OnPark::Continue,
            parks_undecodable: self.undecodable == Undecodable::Park,
        };
        let member = || Member {
            id: 0,
            joined_id: 0,
            full_name: Arc::clone(&full_name),
            selection: self.selection.clone(),
            settings,
            count,
            sink: sink(),
            slots: Default::default(),
            feed: Feed::new(),
            fitness: Fitness::Current,
            is_paused: true,
            stop_by: None,
            stopped: Vec::new(),
            outage: None,
            read_after: None,
            metrics: MemberMetrics::new(domain, &self.name),
        };
        match self.worker.join(member).await? {
            Joined::Yes(membership) => {
                Ok(Subscription { full_name, id: membership.take(), worker: self.worker })
            }
            Joined::Served => {
                Err(invalid(&self.name, "this runtime serves it already: connect once"))
            }
            Joined::Stopping => Err(Error::ShuttingDown),
        }
    }
}

/// Returns the text of a handler's error.
async fn handled<R>(handling: impl Future<Output = Result<(), R>>) -> Result<(), String>
where
    R: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    handling.await.map_err(|error| causes(&*error.into()))
}

/// Returns an error with its causes.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Returns the delivery of a ticket, or answers that its event cannot be decoded.
///
/// A delivery of a partition that was lost since does not begin.
fn decoded<E>(ticket: &Arc<Ticket>, decode: &Decode<E>) -> Option<Delivery<E>> {
    if ticket.is_lost() {
        return None;
    }
    match crate::unwind::catch(|| decode(&ticket.row.record)) {
        Some(Ok(event)) => return Some(Delivery { ticket: Arc::clone(ticket), event }),
        Some(Err(error)) => ticket.answer(Answer::Undecodable(causes(&error))),
        None => ticket.answer(Answer::Undecodable("an upcast function panicked".to_owned())),
    }
    None
}

impl<E> fmt::Debug for Subscribe<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe")
            .field("name", &self.name)
            .field("selection", &self.selection)
            .finish_non_exhaustive()
    }
}
