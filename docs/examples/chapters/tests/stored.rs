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

// ANCHOR: descending
/// Returns the positions of the last events of a key, the newest first.
async fn newest(domain: &DomainRuntime, key: &str, count: usize) -> Result<Vec<u64>, Error> {
    let mut log = domain.log().keys([key]).descending().limit(count);
    let mut positions = Vec::new();
    loop {
        let page = log.events().await?;
        positions.extend(page.rows.iter().map(|event| event.position));
        match page.next {
            Some(next) if positions.len() < count => log = log.before(next),
            _ => break,
        }
    }
    positions.truncate(count);
    Ok(positions)
}
// ANCHOR_END: descending

#[tokio::test]
async fn the_newest_events_of_a_key_are_first() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    for _ in 0..3 {
        let id = open_account(&session, 100).await?;
        session.send(id, DepositMoney { amount: Decimal::from(10) }).await?;
    }
    let mut all = newest(&domain, "money-deposited", 100).await?;
    assert_eq!(newest(&domain, "money-deposited", 2).await?, all[..2]);
    all.reverse();
    let (_, scanned_to) = read_on(&domain, ResumeToken::START).await?;
    assert_eq!((all.len(), *all.last().unwrap()), (3, scanned_to.position()));
    assert!(all.is_sorted());
    Ok(())
}
