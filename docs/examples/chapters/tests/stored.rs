//! The code of the chapter "Stored data" (`docs/src/stored.md`).

// ANCHOR: deltas
use banking_domain::{DepositMoney, TransactionManagerDomain};
use fluvius::{AggregateId, Domain, DomainContext, MemoryStore};
use guide_chapters::open_account;
use rust_decimal::Decimal;

#[tokio::test]
async fn the_deltas_of_a_log_lead_to_the_state() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    let id = open_account(&session, 100).await?;
    session.send(id, DepositMoney { amount: Decimal::from(10) }).await?;

    let aggregate_id = AggregateId::new("bank-account", id);
    let mut state = None;
    for event in domain.log().for_aggregate(aggregate_id.clone()).events().await?.rows {
        state = Some(event.record.delta.apply(state)?);
    }
    let stored = domain.statemgr().fetch_record(&aggregate_id).await?;
    assert_eq!(state, Some(stored.data.to_value()));
    Ok(())
}
// ANCHOR_END: deltas

// ANCHOR: logs
use fluvius::{DomainRuntime, Error, ResumeToken};

/// Reads all events, two at a time, and returns their keys and the token to resume from.
async fn read_on(
    domain: &DomainRuntime,
    after: ResumeToken,
) -> Result<(Vec<String>, ResumeToken), Error> {
    let mut keys = Vec::new();
    let mut log = domain.log().after(after).limit(2);
    loop {
        let page = log.events().await?;
        keys.extend(page.rows.iter().map(|event| event.record.key().to_owned()));
        match page.next {
            Some(next) => log = log.after(next),
            None => return Ok((keys, page.scanned_to)),
        }
    }
}

#[tokio::test]
async fn a_reader_resumes_behind_its_token() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    for _ in 0..3 {
        open_account(&session, 100).await?;
    }
    let (keys, token) = read_on(&domain, ResumeToken::START).await?;
    assert_eq!(keys, ["account-opened"; 3]);

    let id = open_account(&session, 100).await?;
    session.send(id, DepositMoney { amount: Decimal::from(10) }).await?;
    let (keys, _) = read_on(&domain, token).await?;
    assert_eq!(keys, ["account-opened", "money-deposited"]);
    Ok(())
}
// ANCHOR_END: logs
