//! The first program.

// ANCHOR: account
use std::convert::Infallible;

use fluvius::{Domain, DomainContext, MemoryStore, aggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    pub owner: String,
    pub cents: i64,
}

#[aggregate(resource = "account")]
impl Account {
    #[action(evt_key = "account-opened")]
    pub fn open_account(owner: String) -> Result<Self, Infallible> {
        Ok(Self { owner, cents: 0 })
    }

    #[action(evt_key = "money-deposited")]
    pub fn deposit_money(&mut self, cents: i64) -> Result<(), Infallible> {
        self.cents += cents;
        Ok(())
    }
}

#[derive(Debug, Domain)]
#[domain(aggregates(Account))]
pub struct AccountsDomain;

/// Opens an account with 1050 cents.
pub async fn run(store: MemoryStore, id: Uuid) -> Result<(), Box<dyn std::error::Error>> {
    let domain = AccountsDomain::runtime(store).await?;
    let session = domain.session(DomainContext::create("first program"));
    session.send(id, OpenAccount { owner: "Ada".to_owned() }).await?;
    session.send(id, DepositMoney { cents: 1_050 }).await?;
    domain.shutdown().await;
    Ok(())
}
// ANCHOR_END: account
