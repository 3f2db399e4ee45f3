//! Times that may decrease between commands, and a clock of the program's own.

// ANCHOR: later
use fluvius::chrono::{DateTime, TimeDelta, Utc};

/// The time since the last booking, which is zero if `now` is earlier.
fn time_since(last_booking: DateTime<Utc>, now: DateTime<Utc>) -> TimeDelta {
    now.max(last_booking) - last_booking
}
// ANCHOR_END: later

#[test]
fn an_earlier_time_counts_as_the_last_booking() {
    let booking = "2026-01-31T00:00:00Z".parse().unwrap();
    assert_eq!(time_since(booking, "2026-01-30T00:00:00Z".parse().unwrap()), TimeDelta::zero());
    assert_eq!(time_since(booking, "2026-02-02T00:00:00Z".parse().unwrap()), TimeDelta::days(2));
}

// ANCHOR: clock
use banking_domain::TransactionManagerDomain;
use fluvius::{Clock, Domain, DomainContext, MemoryStore, SystemClock};
use guide_chapters::open_account;

/// The time of the machine, shifted: for a rehearsal of the end of a year.
#[derive(Clone)]
struct ShiftedClock(TimeDelta);

impl Clock for ShiftedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.0
    }
}

#[tokio::test]
async fn events_carry_the_shifted_time() -> Result<(), Box<dyn std::error::Error>> {
    let clock = ShiftedClock(TimeDelta::days(30));
    let domain = TransactionManagerDomain::builder(MemoryStore::new()).clock(clock).build().await?;
    let session = domain.session(DomainContext::create("rehearsal"));
    open_account(&session, 100).await?;

    let events = domain.log().events().await?.rows;
    assert!(events[0].record.occurred_at > SystemClock.now());
    Ok(())
}
// ANCHOR_END: clock
