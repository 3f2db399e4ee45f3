//! The bank on which the pieces are measured.

use banking_domain::{OpenAccount, TransactionManagerDomain};
use fluvius_core::{Domain, DomainContext, Observer, Session, Store};
use rust_decimal::Decimal;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// The arguments of a deposit, as a transport passes them.
pub(crate) const PAYLOAD: &str = r#"{"amount":"10.50"}"#;

/// The number of accounts. The commands go to each in turn.
pub(crate) const ACCOUNT_COUNT: u128 = 16;

/// Creates the same runtime as the harness.
#[expect(clippy::expect_used, reason = "without a runtime nothing can be measured")]
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

pub(crate) fn account_id(index: u64) -> Uuid {
    Uuid::from_u128(u128::from(index) % ACCOUNT_COUNT)
}

pub(crate) fn amount() -> Decimal {
    Decimal::new(1050, 2)
}

/// Returns a session of a bank with open accounts.
#[expect(clippy::expect_used, reason = "a new store takes every domain and every account")]
pub(crate) async fn open(store: impl Store, observer: Option<impl Observer>) -> Session {
    let builder = TransactionManagerDomain::builder(store);
    let builder = match observer {
        Some(observer) => builder.observer(observer),
        None => builder,
    };
    let domain = builder.build().await.expect("the domain is built");
    let session = domain.session(DomainContext::create("benchmark"));
    for id in 0..ACCOUNT_COUNT {
        let open = OpenAccount {
            account_number: "0123456789".into(),
            owner_name: "Ada Lovelace".into(),
            initial_deposit: Decimal::from(1_000_000),
        };
        session.send(Uuid::from_u128(id), open).await.expect("an account is opened");
    }
    session
}

/// An observer that does nothing; the type of an absent observer.
pub(crate) struct NullObserver;

impl Observer for NullObserver {}
