//! Commands of later revisions on aggregates of revision 1.

use fluvius_core::Versioned;
use fluvius_core::verify::verify;
use fluvius_core::{Aggregate, Authorization, Domain, Policy, PolicyRequest, PolicyState, Store};
use rust_decimal::Decimal;

use crate::revision_1_store::{ADA, CENTS_OF_ADA, GRACE, aggregate_id, sender};
use crate::{revision_2, revision_3};

over_each_store! {
    the_first_write_stores_a_snapshot_of_the_upcast_state
    an_event_without_a_change_stores_the_upcast_state
    a_read_only_action_upcasts_without_a_write
    an_etag_of_revision_1_is_valid
    a_policy_sees_the_upcast_state
    three_revisions_write_one_aggregate
}

async fn the_first_write_stores_a_snapshot_of_the_upcast_state(store: impl Store + Clone) {
    use revision_2::{Account, Deposit, EvolvingDomain};
    let domain = EvolvingDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(sender());
    for amount in [1, 2] {
        session.send(ADA, Deposit { amount: Decimal::from(amount) }).await.unwrap();
    }
    let row = session.statemgr().fetch_record(&aggregate_id(ADA)).await.unwrap();
    assert_eq!((row.version, row.revision), (9, 2));
    let data = row.data.to_value();
    assert_eq!((&data["owner_name"], &data["balance"]), (&"Ada".into(), &"88.03".into()));
    assert_eq!((data.get("owner"), data.get("cents")), (None, None));
    assert_eq!(Account::decode(row).unwrap().balance, Decimal::new(8_803, 2));

    let events = session.statemgr().history(&aggregate_id(ADA), 6..).await.unwrap();
    let shapes: Vec<(u64, u32, bool)> = events
        .iter()
        .map(|event| {
            (event.record.version, event.record.revision, event.record.delta.is_snapshot())
        })
        .collect();
    assert_eq!(shapes, [(6, 1, false), (7, 1, false), (8, 2, true), (9, 2, false)]);
    assert_eq!(events[2].record.args.as_str(), r#"{"amount":"1"}"#);
    assert!(verify(&store).await.unwrap().is_sound());
}

async fn an_event_without_a_change_stores_the_upcast_state(store: impl Store + Clone) {
    use revision_2::{EvolvingDomain, Note};
    let domain = EvolvingDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(sender());
    let answer = session.send(GRACE, Note { text: "noted".to_owned() }).await.unwrap();
    assert_eq!(answer.version, 2);
    let row = session.statemgr().fetch_record(&aggregate_id(GRACE)).await.unwrap();
    assert_eq!((row.revision, &row.data.to_value()["balance"]), (2, &"42.00".into()));
    let events = session.statemgr().history(&aggregate_id(GRACE), 2..).await.unwrap();
    assert!(events[0].record.delta.is_snapshot());
    assert!(verify(&store).await.unwrap().is_sound());
}

async fn a_read_only_action_upcasts_without_a_write(store: impl Store) {
    use revision_2::{Account, CountLetters, EvolvingDomain, Look};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let before = session.statemgr().fetch_record(&aggregate_id(GRACE)).await.unwrap();
    let answer = session.send(GRACE, Look {}).await.unwrap();
    assert_eq!((answer.version, answer.data.balance), (1, Decimal::new(4_200, 2)));
    let look = session
        .aggregate(aggregate_id(GRACE))
        .create_command("look", serde_json::json!({}))
        .unwrap();
    let by_key = session.process_command(look.clone()).await.unwrap();
    assert_eq!(by_key.data.decode::<Account>().unwrap(), *answer.data);
    assert_eq!(by_key.data.to_value().get("cents"), None);
    // A replay gives the same response.
    assert_eq!(
        session.process_command(look).await.unwrap().data.to_value(),
        by_key.data.to_value()
    );
    assert_eq!(session.send(GRACE, CountLetters {}).await.unwrap().data, 5);
    assert_eq!(session.statemgr().fetch_record(&aggregate_id(GRACE)).await.unwrap(), before);
}

async fn an_etag_of_revision_1_is_valid(store: impl Store) {
    use revision_2::{Deposit, EvolvingDomain};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let etag = session.statemgr().fetch_record(&aggregate_id(ADA)).await.unwrap().etag;
    let deposit = Deposit { amount: Decimal::ONE };
    session.send(ADA, deposit.clone()).if_match(etag).await.unwrap();
    let error = session.send(ADA, deposit).if_match(etag).await.unwrap_err();
    assert_eq!(error.code(), "precondition-failed");
}

/// Denies commands on accounts with less than a hundred.
struct OnlyTheRich;

impl Policy for OnlyTheRich {
    async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
        Authorization::Allow
    }

    async fn authorize_with_state(
        &self,
        _: &PolicyRequest<'_>,
        state: Option<&PolicyState<'_>>,
    ) -> Authorization {
        match state.and_then(|state| state.state::<revision_2::Account>()) {
            Some(account) if account.balance > Decimal::from(50) => Authorization::Allow,
            other => Authorization::Deny(format!("{:?}", other.map(|account| account.balance))),
        }
    }
}

async fn a_policy_sees_the_upcast_state(store: impl Store) {
    use revision_2::{Deposit, EvolvingDomain};
    let domain = EvolvingDomain::builder(store).policy(OnlyTheRich).build().await.unwrap();
    let session = domain.session(sender());
    session.send(ADA, Deposit { amount: Decimal::ONE }).await.unwrap();
    let error = session.send(GRACE, Deposit { amount: Decimal::ONE }).await.unwrap_err();
    assert_eq!(error.code(), "permission-denied");
    assert!(error.to_string().contains("Some(42.00)"), "{error}");
}

async fn three_revisions_write_one_aggregate(store: impl Store + Clone) {
    let second = revision_2::EvolvingDomain::runtime(store.clone()).await.unwrap();
    let session = second.session(sender());
    for _ in 0..3 {
        session.send(ADA, revision_2::Deposit { amount: Decimal::ONE }).await.unwrap();
    }
    let third = revision_3::EvolvingDomain::runtime(store.clone()).await.unwrap();
    let session = third.session(sender());
    let euro = revision_3::Money::euros(Decimal::ONE);
    for _ in 0..70 {
        session.send(ADA, revision_3::Deposit { money: euro.clone() }).await.unwrap();
    }
    // Each version is read in the current shape, whichever revision wrote it.
    let last = CENTS_OF_ADA[6];
    for version in 1..=80_u32 {
        let at = third.statemgr().fetch_at::<revision_3::Account>(ADA, u64::from(version)).await;
        let at = at.unwrap();
        let index = usize::try_from(version).unwrap() - 1;
        let cents = CENTS_OF_ADA.get(index).copied();
        let cents = cents.unwrap_or_else(|| last + 100 * (i64::from(version) - 7));
        assert_eq!(at.balance.amount, Decimal::new(cents, 2), "version {version}");
        let written_by = if version <= 7 {
            1
        } else if version <= 10 {
            2
        } else {
            3
        };
        assert_eq!(Versioned::record(&at).revision, written_by, "version {version}");
    }
    for event in third.statemgr().history(&aggregate_id(ADA), ..).await.unwrap() {
        revision_3::AccountEvent::try_from(&event.record).unwrap();
        let begins = [1, 8, 11].contains(&event.record.version) || event.record.version == 65;
        assert_eq!(event.record.delta.is_snapshot(), begins, "version {}", event.record.version);
    }
    assert!(verify(&store).await.unwrap().is_sound());
}
