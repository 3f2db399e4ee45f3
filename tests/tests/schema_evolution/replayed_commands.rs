//! Replays, by later revisions, of commands that revision 1 has answered.

use std::sync::Arc;

use fluvius_core::{Domain, Response, Store};
use rust_decimal::Decimal;
use serde_json::json;

use crate::revision_1_store::{
    ADA, LOOKED, NOTED, OPENED, REJECTED, WITHDRAWN, aggregate_id, remark, sender,
};
use crate::{revision_2, revision_3};

over_each_store! {
    a_replayed_state_is_upcast
    replayed_data_is_upcast_with_its_event
    a_replayed_read_only_response_is_upcast
    a_replayed_rejection_is_unchanged
    a_replayed_response_is_upcast_twice
}

async fn a_replayed_state_is_upcast(store: impl Store) {
    use revision_2::{Account, EvolvingDomain, Note, Open};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let open = Open { owner: "Ada".to_owned(), cents: 10_000, remark: remark() };
    let again = session.send(ADA, open).with_id(OPENED).await.unwrap();
    let balance = Decimal::new(10_000, 2);
    let opened = Account { owner_name: "Ada".to_owned(), balance, remark: remark() };
    assert_eq!((again.version, &*again.data), (1, &opened));
    let note = Note { text: "a good customer".to_owned() };
    let again: Response<Arc<Account>> = session.send(ADA, note).with_id(NOTED).await.unwrap();
    assert_eq!((again.version, again.data.balance), (4, Decimal::new(8_500, 2)));
    // The replay added nothing.
    assert_eq!(session.statemgr().fetch_record(&aggregate_id(ADA)).await.unwrap().version, 7);
}

async fn replayed_data_is_upcast_with_its_event(store: impl Store) {
    use revision_2::{EvolvingDomain, Receipt, Withdraw};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let withdraw = Withdraw { cents: 2_000 };
    let again = session.send(ADA, withdraw).with_id(WITHDRAWN).await.unwrap();
    assert_eq!((again.version, again.data), (3, Receipt { left: Decimal::new(8_500, 2) }));
    let by_key =
        session.aggregate(aggregate_id(ADA)).create_command("withdraw", json!({ "cents": 2_000 }));
    let by_key = by_key.unwrap().with_id(WITHDRAWN);
    let again = session.process_command(by_key).await.unwrap();
    assert_eq!(again.data.as_str(), r#"{"left":"85.00"}"#);
    assert_eq!(session.statemgr().fetch_record(&aggregate_id(ADA)).await.unwrap().version, 7);
}

async fn a_replayed_read_only_response_is_upcast(store: impl Store) {
    use revision_2::{EvolvingDomain, Look};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let again = session.send(ADA, Look {}).with_id(LOOKED).await.unwrap();
    assert_eq!((again.version, again.data.balance), (4, Decimal::new(8_500, 2)));
}

async fn a_replayed_rejection_is_unchanged(store: impl Store) {
    use revision_2::{EvolvingDomain, Withdraw};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let withdraw = Withdraw { cents: 1_000_000 };
    let again = session.send(ADA, withdraw).with_id(REJECTED).await.unwrap_err();
    assert_eq!(again.code(), "insufficient-funds");
}

async fn a_replayed_response_is_upcast_twice(store: impl Store) {
    use revision_3::{EvolvingDomain, Money, Note, Withdraw};
    let domain = EvolvingDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let note = Note { text: "a good customer".to_owned() };
    let again = session.send(ADA, note).with_id(NOTED).await.unwrap();
    assert_eq!(again.data.balance, Money::euros(Decimal::new(8_500, 2)));
    let withdraw = Withdraw { cents: 2_000 };
    let again = session.send(ADA, withdraw).with_id(WITHDRAWN).await.unwrap();
    assert_eq!(again.data.left, Money::euros(Decimal::new(8_500, 2)));
}
