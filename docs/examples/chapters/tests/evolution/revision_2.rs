//! The second program, which reads the rows of the first one.

// ANCHOR: account
use std::convert::Infallible;

use fluvius::serde_json::Value;
use fluvius::{Domain, UpcastError, UpcastInput, aggregate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub owner: String,
    pub balance: Decimal,
}

#[aggregate(resource = "account", revision = 2, upcast = upcast_account)]
impl Account {
    #[action(evt_key = "account-opened")]
    pub fn open_account(owner: String) -> Result<Self, Infallible> {
        Ok(Self { owner, balance: Decimal::ZERO })
    }

    #[action(evt_key = "money-deposited")]
    pub fn deposit_money(&mut self, amount: Decimal) -> Result<(), Infallible> {
        self.balance += amount;
        Ok(())
    }

    /// Store the account in the shape of this revision.
    #[action(evt_key = "account-renewed")]
    pub fn renew_account(&self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Converts JSON of revision `from` to the next revision.
fn upcast_account(
    from: u32,
    written: UpcastInput<'_>,
    json: &mut Value,
) -> Result<(), UpcastError> {
    match (from, written) {
        // Revision 2 has decimal amounts in whole units.
        (1, UpcastInput::State) => json["balance"] = decimal(&json["cents"])?,
        (1, UpcastInput::Event("money-deposited")) => json["amount"] = decimal(&json["cents"])?,
        // All other JSON is unchanged.
        _ => {}
    }
    Ok(())
}

fn decimal(cents: &Value) -> Result<Value, UpcastError> {
    let cents = cents.as_i64().ok_or("the cents are no whole number")?;
    Ok(Decimal::new(cents, 2).to_string().into())
}

#[derive(Debug, Domain)]
#[domain(aggregates(Account))]
pub struct AccountsDomain;
// ANCHOR_END: account

// ANCHOR: reads
use fluvius::{Aggregate, DomainContext, MemoryStore, Versioned};
use uuid::Uuid;

use crate::revision_1;

#[tokio::test]
async fn rows_of_the_first_program_are_upcast() -> Result<(), Box<dyn std::error::Error>> {
    let store = MemoryStore::new();
    let id = Uuid::new_v4();
    revision_1::run(store.clone(), id).await?;
    let domain = AccountsDomain::runtime(store).await?;
    let session = domain.session(DomainContext::create("second program"));

    let account = session.statemgr().fetch::<Account>(id).await?;
    assert_eq!(account.balance, Decimal::new(1_050, 2));
    assert_eq!(Versioned::record(&account).revision, 1);

    let events = session.statemgr().history(&Account::aggregate_id(id), ..).await?;
    match AccountEvent::try_from(&events[1].record)? {
        AccountEvent::MoneyDeposited(event) => assert_eq!(event.amount, Decimal::new(1_050, 2)),
        other => panic!("{other:?}"),
    }

    // The first event under the new revision stores the whole state in its shape.
    session.send(id, DepositMoney { amount: Decimal::ONE }).await?;
    let account = session.statemgr().fetch::<Account>(id).await?;
    assert_eq!(Versioned::record(&account).revision, 2);
    Ok(())
}
// ANCHOR_END: reads

// ANCHOR: both_shapes
use fluvius::query::{Column, Field};

#[tokio::test]
async fn a_query_in_both_shapes_finds_older_accounts() -> Result<(), Box<dyn std::error::Error>> {
    let store = MemoryStore::new();
    revision_1::run(store.clone(), Uuid::new_v4()).await?;
    let domain = AccountsDomain::runtime(store).await?;

    let new_shape = Field::number("balance").ge(10);
    let both_shapes = new_shape.clone() | Field::number("cents").ge(1_000);
    let states = domain.statemgr();
    assert_eq!(states.query_rows("account").filter(new_shape).all().await?.len(), 0);
    assert_eq!(states.query_rows("account").filter(both_shapes).all().await?.len(), 1);
    Ok(())
}
// ANCHOR_END: both_shapes

// ANCHOR: renewal
use fluvius::{DomainRuntime, Error};

/// Writes all open accounts in the shape of revision 2.
async fn renew_all(domain: &DomainRuntime) -> Result<(), Error> {
    let older = Field::column(Column::Revision).lt(2);
    for row in domain.statemgr().query_rows("account").filter(older).all().await? {
        let sender = DomainContext::create("renewal");
        let sender = match row.realm.as_deref() {
            Some(realm) => sender.with_realm(realm),
            None => sender,
        };
        domain.session(sender).send(&row.aggregate_id, RenewAccount {}).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_renewed_account_is_found_by_its_balance() -> Result<(), Box<dyn std::error::Error>> {
    let store = MemoryStore::new();
    revision_1::run(store.clone(), Uuid::new_v4()).await?;
    let domain = AccountsDomain::runtime(store).await?;
    renew_all(&domain).await?;

    let new_shape = Field::number("balance").ge(10);
    let rows = domain.statemgr().query_rows("account").filter(new_shape).all().await?;
    assert_eq!(rows.len(), 1);
    Ok(())
}
// ANCHOR_END: renewal

// ANCHOR: log
use fluvius::testing::Scenario;

#[test]
fn an_account_of_revision_1_takes_a_deposit() {
    let id = Uuid::from_u128(1);
    Scenario::for_aggregate::<Account>()
        .given_log_lines(include_str!("account.jsonl"))
        .when(id, DepositMoney { amount: Decimal::ONE })
        .then_applied()
        .then_state(id, &Account { owner: "Ada".to_owned(), balance: Decimal::new(1_150, 2) });
}
// ANCHOR_END: log
