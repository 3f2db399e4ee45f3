//! States and events of revision 1, read by later revisions.

use fluvius_core::Versioned;
use fluvius_core::query::{Column, Field};
use fluvius_core::{Aggregate, Domain, Store};
use rust_decimal::Decimal;

use crate::revision_1_store::{ADA, CENTS_OF_ADA, GRACE, JOHN, aggregate_id, remark, sender, time};
use crate::{revision_2, revision_3};

over_each_store! {
    every_read_upcasts_the_state
    a_state_is_upcast_over_two_revisions
    a_closed_aggregate_is_upcast
    events_are_upcast_to_the_current_structs
    events_are_upcast_over_two_revisions
    a_past_version_is_folded_before_the_upcast
    stored_rows_are_not_upcast
    a_query_compares_stored_values
    an_action_fetches_an_upcast_state
}

fn ada_at(version: usize) -> revision_2::Account {
    revision_2::Account {
        owner_name: "Ada".to_owned(),
        balance: Decimal::new(CENTS_OF_ADA[version - 1], 2),
        remark: remark(),
    }
}

fn ada_in_euros(version: usize) -> revision_3::Account {
    let revision_2::Account { owner_name, balance, remark } = ada_at(version);
    revision_3::Account { owner_name, balance: revision_3::Money::euros(balance), remark }
}

async fn every_read_upcasts_the_state(store: impl Store) {
    use revision_2::{Account, EvolvingDomain};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let statemgr = domain.session(sender()).statemgr();
    let last = ada_at(7);
    assert_eq!(*statemgr.fetch::<Account>(ADA).await.unwrap(), last);
    assert_eq!(*statemgr.find::<Account>(ADA).await.unwrap().unwrap(), last);
    let row = statemgr.fetch_record(&aggregate_id(ADA)).await.unwrap();
    assert_eq!(*Account::decode(row).unwrap(), last);
    let rows = statemgr.snapshot(&[aggregate_id(ADA), aggregate_id(GRACE)]).await.unwrap();
    let owners: Vec<String> = rows
        .into_iter()
        .map(|row| Account::decode(row.unwrap()).unwrap().owner_name.clone())
        .collect();
    assert_eq!(owners, ["Ada", "Grace"]);
    let all = statemgr.query::<Account>().all().await.unwrap();
    let balances: Vec<Decimal> = all.iter().map(|account| account.balance).collect();
    assert_eq!(balances, [Decimal::new(8_503, 2), Decimal::new(4_200, 2)]);
    let page = statemgr.query::<Account>().limit(1).page().await.unwrap();
    assert_eq!(*page.rows[0], last);
    let richest = Field::text("remark").starts_with("first") & Field::column(Column::Version).eq(7);
    assert_eq!(*statemgr.find_one::<Account>(richest).await.unwrap().unwrap(), last);
}

async fn a_state_is_upcast_over_two_revisions(store: impl Store) {
    use revision_3::{Account, EvolvingDomain};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    assert_eq!(*domain.statemgr().fetch::<Account>(ADA).await.unwrap(), ada_in_euros(7));
}

async fn a_closed_aggregate_is_upcast(store: impl Store) {
    use revision_2::{Account, EvolvingDomain};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let all = domain.statemgr().query::<Account>().with_closed().all().await.unwrap();
    let john = all
        .iter()
        .find(|account| Versioned::record(account).aggregate_id == aggregate_id(JOHN))
        .unwrap();
    assert_eq!((john.owner_name.as_str(), john.balance), ("John", Decimal::ZERO));
    assert!(Versioned::record(john).closed_at.is_some());
    assert_eq!(domain.statemgr().fetch::<Account>(JOHN).await.unwrap_err().code(), "not-found");
}

async fn events_are_upcast_to_the_current_structs(store: impl Store) {
    use revision_2::{AccountEvent, EvolvingDomain};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let mut listed = Vec::new();
    for row in domain.statemgr().history(&aggregate_id(ADA), ..).await.unwrap() {
        assert_eq!(row.record.revision, 1);
        listed.push(match AccountEvent::try_from(&row.record).unwrap() {
            AccountEvent::AccountOpened(event) => format!("{} {}", event.owner, event.cents),
            AccountEvent::Deposited(event) => format!("+{}", event.amount),
            AccountEvent::Withdrawn(event) => format!("-{} {}", event.cents, event.data.left),
            AccountEvent::Noted(event) => event.text,
            other => panic!("{other:?}"),
        });
    }
    let expected =
        ["Ada 10000", "+5.00", "-2000 85.00", "a good customer", "+0.01", "+0.01", "+0.01"];
    assert_eq!(listed, expected);
}

async fn events_are_upcast_over_two_revisions(store: impl Store) {
    use revision_3::{AccountEvent, EvolvingDomain, Money};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let events = domain.log().for_aggregate(aggregate_id(ADA)).events().await.unwrap().rows;
    match AccountEvent::try_from(&events[1].record).unwrap() {
        AccountEvent::Deposited(event) => {
            assert_eq!(event.money, Money::euros(Decimal::new(500, 2)));
        }
        other => panic!("{other:?}"),
    }
    match AccountEvent::try_from(&events[2].record).unwrap() {
        AccountEvent::Withdrawn(event) => {
            assert_eq!(event.data.left, Money::euros(Decimal::new(8_500, 2)));
        }
        other => panic!("{other:?}"),
    }
}

async fn a_past_version_is_folded_before_the_upcast(store: impl Store + Clone) {
    let second = revision_2::EvolvingDomain::runtime(store.clone()).await.unwrap();
    let third = revision_3::EvolvingDomain::runtime(store).await.unwrap();
    for version in 1..=7_u32 {
        let at = u64::from(version);
        let index = usize::try_from(version).unwrap();
        let found = second.statemgr().fetch_at::<revision_2::Account>(ADA, at).await.unwrap();
        assert_eq!((Versioned::version(&found), &*found), (at, &ada_at(index)));
        assert_eq!(Versioned::record(&found).revision, 1);
        let found = third.statemgr().fetch_at::<revision_3::Account>(ADA, at).await.unwrap();
        assert_eq!((Versioned::version(&found), &*found), (at, &ada_in_euros(index)));
    }
    let found = second.statemgr().fetch_at::<revision_2::Account>(ADA, time(2)).await.unwrap();
    assert_eq!(*found, ada_at(3));
}

async fn stored_rows_are_not_upcast(store: impl Store) {
    let domain = revision_2::EvolvingDomain::runtime(store).await.unwrap();
    let stored = domain.statemgr().fetch::<revision_2::Account>(ADA).await.unwrap();
    let record = Versioned::record(&stored);
    assert_eq!((record.revision, record.data.to_value()["cents"].as_i64()), (1, Some(8_503)));
    let past = domain.statemgr().find_record_at(&aggregate_id(ADA), 2).await.unwrap().unwrap();
    assert_eq!((past.revision, past.data.to_value()["cents"].as_i64()), (1, Some(10_500)));
    let events = domain.statemgr().history(&aggregate_id(ADA), 2..=2).await.unwrap();
    assert_eq!(events[0].record.args.as_str(), r#"{"cents":500}"#);
}

async fn a_query_compares_stored_values(store: impl Store) {
    use revision_2::{Account, EvolvingDomain, Note};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let statemgr = session.statemgr();
    let by_name = Field::text("owner_name").eq("Ada");
    assert_eq!(statemgr.find_all::<Account>(by_name.clone()).await.unwrap().len(), 0);
    let in_either_shape = by_name.clone() | Field::text("owner").eq("Ada");
    let found = statemgr.find_one::<Account>(in_either_shape).await.unwrap().unwrap();
    assert_eq!(found.owner_name, "Ada");
    // An event on each aggregate stores it in the current shape.
    let older = statemgr.query_rows("account").filter(Field::column(Column::Revision).lt(2));
    for row in older.all().await.unwrap() {
        session.send(&row.aggregate_id, Note { text: "upcast".to_owned() }).await.unwrap();
    }
    assert_eq!(older.all().await.unwrap(), []);
    assert_eq!(statemgr.find_all::<Account>(by_name).await.unwrap().len(), 1);
}

async fn an_action_fetches_an_upcast_state(store: impl Store) {
    use revision_2::{Account, EvolvingDomain, TopUp};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    session.send(ADA, TopUp { from: GRACE }).await.unwrap();
    let ada = session.statemgr().fetch::<Account>(ADA).await;
    assert_eq!(ada.unwrap().balance, Decimal::new(8_503 + 4_200, 2));
    assert_eq!(
        Versioned::record(&session.statemgr().fetch::<Account>(GRACE).await.unwrap()).revision,
        1
    );
}
