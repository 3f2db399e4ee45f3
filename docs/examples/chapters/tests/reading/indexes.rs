//! An aggregate type declares the fields that queries often use.

// ANCHOR: indexes
use std::convert::Infallible;

use fluvius::chrono::{DateTime, Utc};
use fluvius::{Aggregate, aggregate};
use serde::{Deserialize, Serialize};

/// A parcel on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parcel {
    pub number: u64,
    pub due: DateTime<Utc>,
    pub target: Address,
}

/// The destination of a parcel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Address {
    pub city: String,
}

#[aggregate(resource = "parcel", index(number: number, due: time, "target.city": text))]
impl Parcel {
    /// Send a parcel.
    #[action(evt_key = "parcel-sent")]
    pub fn send_parcel(
        number: u64,
        due: DateTime<Utc>,
        target: Address,
    ) -> Result<Self, Infallible> {
        Ok(Self { number, due, target })
    }
}

#[test]
fn a_parcel_declares_three_indexes() {
    assert_eq!(Parcel::INDEXES.len(), 3);
}
// ANCHOR_END: indexes
