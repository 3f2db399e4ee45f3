//! An older program rejects data of a newer revision and leaves it unchanged.

use fluvius_core::verify::verify;
use fluvius_core::{Aggregate, Domain, Error, Store};
use rust_decimal::Decimal;
use serde_json::json;

use crate::revision_1_store::{ADA, GRACE, JOHN, aggregate_id, sender};
use crate::revision_2::{self, Account, AccountEvent};
use crate::revision_3;

over_each_store! {
    an_older_program_rejects_commands
    an_older_program_rejects_reads
    fetching_a_newer_state_is_a_fault
    versions_before_the_newer_revision_are_readable
    events_of_a_newer_revision_do_not_decode
    only_a_newer_program_replays_newer_responses
    a_cached_version_does_not_overwrite_a_newer_revision
}

const FROZEN: fluvius_core::uuid::Uuid = fluvius_core::uuid::Uuid::from_u128(0xB1);

/// Revision 3 deposits to Ada and freezes her account.
async fn write_revision_3(store: impl Store) {
    let domain = revision_3::EvolvingDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let money = revision_3::Money::euros(Decimal::ONE);
    session.send(ADA, revision_3::Deposit { money }).await.unwrap();
    session.send(ADA, revision_3::Freeze {}).await.unwrap();
    let note = revision_3::Note { text: "frozen".to_owned() };
    session.send(ADA, note).with_id(FROZEN).await.unwrap();
    domain.shutdown().await;
}

#[track_caller]
fn check_rejected(error: &Error) {
    let Error::InvalidState { aggregate_id: of, revision, path, message } = error else {
        panic!("{error:?}");
    };
    assert_eq!((of, *revision, path.as_str()), (&aggregate_id(ADA), 3, "."), "{message}");
    let expected = "revision 3 wrote it, and this program has revision 2 of the aggregate: run one \
                    that has revision 3 or a later one";
    assert!(message.ends_with(expected), "{message}");
}

async fn an_older_program_rejects_commands(store: impl Store + Clone) {
    write_revision_3(store.clone()).await;
    let domain = revision_2::EvolvingDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(sender());
    let before = session.statemgr().fetch_record(&aggregate_id(ADA)).await.unwrap();
    assert_eq!((before.version, before.revision), (10, 3));
    for (key, payload) in [
        ("deposit", json!({ "amount": "1.00" })),
        ("withdraw", json!({ "cents": 1 })),
        ("note", json!({ "text": "" })),
        ("look", json!({})),
        ("count-letters", json!({})),
        ("close", json!({})),
    ] {
        let command = session.aggregate(aggregate_id(ADA)).create_command(key, payload).unwrap();
        check_rejected(&session.process_command(command).await.unwrap_err());
    }
    let open = json!({ "owner": "Ada", "cents": 0, "remark": "" });
    let open = session.aggregate(aggregate_id(ADA)).create_command("open", open).unwrap();
    assert_eq!(session.process_command(open).await.unwrap_err().code(), "already-exists");
    assert_eq!(session.statemgr().fetch_record(&aggregate_id(ADA)).await.unwrap(), before);
    assert_eq!(session.statemgr().history(&aggregate_id(ADA), ..).await.unwrap().len(), 10);
    assert!(verify(&store).await.unwrap().is_sound());
    // Other aggregates work.
    session.send(GRACE, revision_2::Deposit { amount: Decimal::ONE }).await.unwrap();
}

async fn an_older_program_rejects_reads(store: impl Store + Clone) {
    write_revision_3(store.clone()).await;
    let domain = revision_2::EvolvingDomain::runtime(store).await.unwrap();
    let statemgr = domain.statemgr();
    check_rejected(&statemgr.fetch::<Account>(ADA).await.unwrap_err());
    check_rejected(&statemgr.find::<Account>(ADA).await.unwrap_err());
    check_rejected(&statemgr.fetch_at::<Account>(ADA, 10).await.unwrap_err());
    check_rejected(&statemgr.fetch_at::<Account>(ADA, 9).await.unwrap_err());
    check_rejected(&statemgr.query::<Account>().all().await.unwrap_err());
    check_rejected(&statemgr.query::<Account>().page().await.unwrap_err());
    let rows = statemgr
        .snapshot(&[aggregate_id(ADA), aggregate_id(GRACE), aggregate_id(JOHN)])
        .await
        .unwrap();
    let rows: Vec<_> = rows.into_iter().flatten().map(Account::decode).collect();
    check_rejected(rows[0].as_ref().unwrap_err());
    assert_eq!(rows[1].as_ref().unwrap().balance, Decimal::new(4_200, 2));
}

async fn fetching_a_newer_state_is_a_fault(store: impl Store + Clone) {
    write_revision_3(store.clone()).await;
    let domain = revision_2::EvolvingDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    check_rejected(&session.send(GRACE, revision_2::TopUp { from: ADA }).await.unwrap_err());
    assert_eq!(session.statemgr().fetch_record(&aggregate_id(GRACE)).await.unwrap().version, 1);
}

async fn versions_before_the_newer_revision_are_readable(store: impl Store + Clone) {
    write_revision_3(store.clone()).await;
    let domain = revision_2::EvolvingDomain::runtime(store).await.unwrap();
    let before = domain.statemgr().fetch_at::<Account>(ADA, 7).await.unwrap();
    assert_eq!(before.balance, Decimal::new(8_503, 2));
}

async fn events_of_a_newer_revision_do_not_decode(store: impl Store + Clone) {
    write_revision_3(store.clone()).await;
    let domain = revision_2::EvolvingDomain::runtime(store).await.unwrap();
    let events = domain.statemgr().history(&aggregate_id(ADA), ..).await.unwrap();
    for event in &events[..7] {
        AccountEvent::try_from(&event.record).unwrap();
    }
    let deposited = AccountEvent::try_from(&events[7].record).unwrap_err();
    assert_eq!(deposited.to_string(), "the row of `deposited` does not decode");
    check_rejected(&deposited.into());
    // A key that only the newer revision has.
    let frozen = Error::from(AccountEvent::try_from(&events[8].record).unwrap_err());
    assert_eq!(frozen.code(), "invalid-state");
    let text = format!(
        "the state of {} (revision 3) is not valid at `.`: `account-frozen` is no key of `Account`",
        aggregate_id(ADA)
    );
    assert_eq!(frozen.to_string(), text);
}

async fn only_a_newer_program_replays_newer_responses(store: impl Store + Clone) {
    write_revision_3(store.clone()).await;
    let domain = revision_2::EvolvingDomain::runtime(store.clone()).await.unwrap();
    let note = revision_2::Note { text: "frozen".to_owned() };
    let older = domain.session(sender());
    let error = older.send(ADA, note).with_id(FROZEN).await.unwrap_err();
    // The command was applied, which `invalid-state` would deny.
    assert!(matches!(error, Error::OutcomeUnknown { id } if id == FROZEN), "{error:?}");
    let domain = revision_3::EvolvingDomain::runtime(store).await.unwrap();
    let note = revision_3::Note { text: "frozen".to_owned() };
    let newer = domain.session(sender());
    assert_eq!(newer.send(ADA, note).with_id(FROZEN).await.unwrap().version, 10);
}

async fn a_cached_version_does_not_overwrite_a_newer_revision(store: impl Store + Clone) {
    let domain = revision_2::EvolvingDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(sender());
    let deposit = revision_2::Deposit { amount: Decimal::ONE };
    assert_eq!(session.send(ADA, deposit.clone()).await.unwrap().version, 8);
    write_revision_3(store.clone()).await;
    let before = session.statemgr().fetch_record(&aggregate_id(ADA)).await.unwrap();
    // The program has cached a version of its own revision; its commit meets a version conflict.
    check_rejected(&session.send(ADA, deposit).await.unwrap_err());
    assert_eq!(session.statemgr().fetch_record(&aggregate_id(ADA)).await.unwrap(), before);
    assert!(verify(&store).await.unwrap().is_sound());
}
