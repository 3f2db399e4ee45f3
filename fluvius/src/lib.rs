//! A domain framework: business logic as a plain `impl` block; everything else is derived.
//!
//! ```
//! use fluvius::{Domain, DomainContext, MemoryStore, SimpleRejection, aggregate};
//! use serde::{Deserialize, Serialize};
//! use uuid::Uuid;
//!
//! /// A counter that never decreases.
//! #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
//! pub struct Counter {
//!     pub count: u64,
//! }
//!
//! #[aggregate(resource = "counter")]
//! impl Counter {
//!     /// Start a counter.
//!     #[action(evt_key = "counter-started")]
//!     pub fn start_counter() -> Result<Self, SimpleRejection> {
//!         Ok(Self { count: 0 })
//!     }
//!
//!     /// Add to the count.
//!     #[action(evt_key = "counted")]
//!     pub fn count_more(&mut self, by: u64) -> Result<(), SimpleRejection> {
//!         let count = self.count.checked_add(by);
//!         self.count = count.ok_or(SimpleRejection::new("too-far", "the counter is at its end"))?;
//!         Ok(())
//!     }
//! }
//!
//! /// Domain for counting.
//! #[derive(Domain)]
//! #[domain(aggregates(Counter))]
//! pub struct CountingDomain;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let domain = CountingDomain::runtime(MemoryStore::new()).await?;
//! let session = domain.session(DomainContext::create("example"));
//! let id = Uuid::from_u128(1);
//! session.send(id, StartCounter {}).await?;
//! let response = session.send(id, CountMore { by: 3 }).await?;
//! assert_eq!((response.data.count, response.version), (3, 2));
//! # Ok(())
//! # }
//! ```
//!
//! # Overview
//!
//! authoring -> macro -> registry -> command -> processor -> unit of work -> store -> observers
//!
//! | task | items |
//! |---|---|
//! | write actions | [`aggregate`](macro@aggregate), [`ActionContext`], [`Rejection`](trait@Rejection) |
//! | combine them | [`Domain`](trait@Domain), [`RuntimeBuilder`], [`Policy`], [`Observer`] |
//! | send commands | [`DomainRuntime`], [`Session`], [`CommandBundle`], [`Response`], [`Error`] |
//! | read | [`StateManager`], [`StateQueryBuilder`], [`query`], [`LogReader`] |
//! | change a stored shape | [`Upcast`], [`UpcastInput`] |
//! | store | [`Store`], [`MemoryStore`], [`UnitOfWork`], [`verify`](verify::verify) |
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `macros` | yes | `#[aggregate]`, `#[action]`, `#[derive(Domain)]`, `#[derive(Rejection)]` |
//! | `inventory` | yes | the list of all linked items ([`registry::linked`]) |
//! | `decimal` | yes | `rust_decimal::Decimal` as an operand of queries |
//! | `schema` | no | JSON schemas of commands, events, answers and states |
//! | `server` | no | `fluvius::server`: the HTTP API of a domain |
//! | `jwt` | no | `fluvius::server::JwtAuthenticator`: JSON Web Tokens as credentials |
//! | `mcp` | no | the actions as tools of the Model Context Protocol |
//! | `casbin` | no | `fluvius::casbin`: rules of casbin as the policy of a domain |
//! | `sqlite` | no | `fluvius::sqlite`: the store in an SQLite file |
//! | `postgres` | no | `fluvius::postgres`: the store in PostgreSQL, for many processes |
//! | `testing` | no | `fluvius::testing`: scenarios, simulations, the conformance suite of stores |

#[doc(inline)]
pub use fluvius_core::*;

/// The rules of casbin as the policy of a domain.
#[cfg(feature = "casbin")]
#[doc(inline)]
pub use fluvius_casbin as casbin;
/// The store in PostgreSQL, for many processes.
#[cfg(feature = "postgres")]
#[doc(inline)]
pub use fluvius_postgres as postgres;
/// The HTTP API of a domain.
#[cfg(feature = "server")]
#[doc(inline)]
pub use fluvius_server as server;
/// The store in an SQLite file.
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use fluvius_sqlite as sqlite;
/// The test kit for authors of domains and of stores.
#[cfg(feature = "testing")]
#[doc(inline)]
pub use fluvius_testing as testing;

/// Turns an `impl` block into an aggregate type.
///
/// ```
/// use fluvius::{SimpleRejection, aggregate};
/// use rust_decimal::Decimal;
/// use serde::{Deserialize, Serialize};
///
/// /// A bank account.
/// #[derive(Debug, Clone, Serialize, Deserialize)]
/// pub struct Account {
///     pub balance: Decimal,
/// }
///
/// #[aggregate(resource = "bank-account", index(balance: number))]
/// impl Account {
///     /// Open a new bank account.
///     #[action(evt_key = "account-opened")]
///     pub fn open_account() -> Result<Self, SimpleRejection> {
///         Ok(Self { balance: Decimal::ZERO })
///     }
///
///     /// Deposit money into the account.
///     #[action(evt_key = "money-deposited")]
///     pub fn deposit_money(&mut self, amount: Decimal) -> Result<(), SimpleRejection> {
///         let balance = self.balance.checked_add(amount);
///         self.balance = balance.ok_or(SimpleRejection::new("too-large", "too much money"))?;
///         Ok(())
///     }
/// }
///
/// let command = DepositMoney { amount: Decimal::TEN };
/// let event = MoneyDeposited { amount: Decimal::TEN };
/// # let _ = (command, event);
/// ```
#[cfg(feature = "macros")]
pub use fluvius_macros::aggregate;

/// Turns a method into a command, inside a block under [`#[aggregate]`](macro@aggregate).
///
/// ```
/// use fluvius::{ActionContext, ContextError, Rejection, aggregate};
/// # use rust_decimal::Decimal;
/// # use serde::{Deserialize, Serialize};
/// use uuid::Uuid;
/// #
/// # #[derive(Debug, Clone, Serialize, Deserialize)]
/// # pub struct Account {
/// #     pub balance: Decimal,
/// # }
/// #
/// # #[derive(Debug, thiserror::Error, Rejection)]
/// # pub enum AccountError {
/// #     #[error("Insufficient funds")]
/// #     InsufficientFunds,
/// #     #[error(transparent)]
/// #     #[rejection(transparent)]
/// #     Context(#[from] ContextError),
/// # }
///
/// #[aggregate(resource = "bank-account")]
/// impl Account {
///     /// Transfer money to another account.
///     #[action(evt_key = "money-transferred", timeout = "5s")]
///     pub async fn transfer_money(
///         &mut self,
///         cx: &mut ActionContext,
///         /// Amount to transfer.
///         #[arg(example = "30.00")]
///         amount: Decimal,
///         /// Account that receives the money.
///         #[arg(alias = "recipient")]
///         recipient_id: Uuid,
///     ) -> Result<(), AccountError> {
///         if self.balance < amount {
///             return Err(AccountError::InsufficientFunds);
///         }
///         self.balance -= amount;
///         cx.invoke(recipient_id, ReceiveTransfer { amount }).await?;
///         Ok(())
///     }
///
///     /// Receive the money of a transfer.
///     #[action(evt_key = "transfer-received", internal)]
///     pub fn receive_transfer(&mut self, amount: Decimal) -> Result<(), AccountError> {
///         self.balance += amount;
///         Ok(())
///     }
/// }
/// ```
#[cfg(feature = "macros")]
pub use fluvius_macros::action;

/// Derives [`Domain`](trait@Domain): a set of aggregate types with metadata.
///
/// ```
/// # use std::convert::Infallible;
/// # use fluvius::aggregate;
/// # use serde::{Deserialize, Serialize};
/// use fluvius::Domain;
/// #
/// # #[derive(Clone, Serialize, Deserialize)]
/// # pub struct Account {}
/// #
/// # #[aggregate(resource = "bank-account")]
/// # impl Account {
/// #     /// Open a new bank account.
/// #     #[action(evt_key = "account-opened")]
/// #     pub fn open_account() -> Result<Self, Infallible> {
/// #         Ok(Self {})
/// #     }
/// # }
///
/// /// Domain for managing bank account transactions.
/// #[derive(Domain)]
/// #[domain(aggregates(Account), revision = 1, tags("banking", "finance"))]
/// pub struct TransactionManagerDomain;
///
/// assert_eq!(TransactionManagerDomain::METADATA.namespace, "transaction-manager");
/// ```
#[cfg(feature = "macros")]
pub use fluvius_macros::Domain;

/// Derives [`Rejection`](trait@Rejection), which gives each variant of an error a stable code.
///
/// ```
/// use fluvius::{ContextError, Rejection};
///
/// #[derive(Debug, thiserror::Error, Rejection)]
/// pub enum AccountError {
///     #[error("Insufficient funds")]
///     InsufficientFunds,
///     #[error("The limit is {limit}")]
///     #[rejection(code = "over-limit")]
///     LimitReached { limit: u64 },
///     #[error(transparent)]
///     #[rejection(transparent)]
///     Context(#[from] ContextError),
/// }
///
/// assert_eq!(AccountError::InsufficientFunds.code(), "insufficient-funds");
/// assert_eq!(AccountError::LimitReached { limit: 9 }.code(), "over-limit");
/// ```
#[cfg(feature = "macros")]
pub use fluvius_macros::Rejection;
