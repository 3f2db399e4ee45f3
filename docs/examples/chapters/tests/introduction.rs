//! The code of the chapter "Introduction" (`docs/src/introduction.md`).

#![allow(missing_docs, unreachable_pub, reason = "the chapter documents the examples")]

// ANCHOR: voucher
use fluvius::{Domain, DomainContext, MemoryStore, SimpleRejection, aggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A voucher with some money left on it, in cents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Voucher {
    pub cents: u64,
}

#[aggregate(resource = "voucher")]
impl Voucher {
    /// Sell a voucher.
    #[action(evt_key = "voucher-sold")]
    pub fn sell_voucher(cents: u64) -> Result<Self, SimpleRejection> {
        Ok(Self { cents })
    }

    /// Pay with a voucher.
    #[action(evt_key = "voucher-used")]
    pub fn use_voucher(&mut self, cents: u64) -> Result<(), SimpleRejection> {
        if self.cents < cents {
            return Err(SimpleRejection::new("too-little", "the voucher has too little money"));
        }
        self.cents -= cents;
        Ok(())
    }
}

/// Vouchers of the shop.
#[derive(Debug, Domain)]
#[domain(aggregates(Voucher))]
pub struct VoucherDomain;
// ANCHOR_END: voucher

// ANCHOR: send
#[tokio::test]
async fn a_voucher_pays_no_more_than_is_left() -> Result<(), Box<dyn std::error::Error>> {
    let domain = VoucherDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("till 1"));
    let id = Uuid::new_v4();

    session.send(id, SellVoucher { cents: 5_000 }).await?;
    let response = session.send(id, UseVoucher { cents: 1_250 }).await?;
    assert_eq!(response.data.cents, 3_750);

    let rejected = session.send(id, UseVoucher { cents: 9_900 }).await.unwrap_err();
    assert_eq!(rejected.code(), "too-little");
    Ok(())
}
// ANCHOR_END: send
