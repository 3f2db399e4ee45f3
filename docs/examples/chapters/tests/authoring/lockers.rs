//! A secret parameter.

// ANCHOR: locker
use std::convert::Infallible;

use fluvius::{Domain, DomainContext, MemoryStore, aggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Locker {
    pub number: u32,
    pub pin_length: usize,
}

#[aggregate(resource = "locker")]
impl Locker {
    /// Rent a locker.
    #[action(evt_key = "locker-rented")]
    pub fn rent_locker(number: u32, #[arg(secret)] pin: String) -> Result<Self, Infallible> {
        Ok(Self { number, pin_length: pin.len() })
    }
}

#[derive(Debug, Domain)]
#[domain(aggregates(Locker))]
pub struct LockerDomain;

#[tokio::test]
async fn a_secret_is_not_stored() -> Result<(), Box<dyn std::error::Error>> {
    let domain = LockerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("hall"));

    let command = RentLocker { number: 7, pin: "4711".to_owned() };
    assert_eq!(format!("{command:?}"), "RentLocker { number: 7, pin: [secret] }");

    session.send(Uuid::new_v4(), command).await?;
    let rows = domain.log().commands().await?.rows;
    assert_eq!(rows[0].record.payload.as_str(), r#"{"number":7}"#);
    Ok(())
}
// ANCHOR_END: locker
