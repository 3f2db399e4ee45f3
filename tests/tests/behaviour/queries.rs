//! State queries, snapshots of several aggregates, and past states.

use banking_domain::{
    Account, CloseAccount, DepositMoney, OpenAccount, TransactionManagerDomain, TransferMoney,
};
use chrono::{DateTime, TimeDelta, Utc};
use fluvius_core::query::{Column, Field, Filter};
use fluvius_core::{
    ActionContext, Aggregate, AggregateId, BuildError, Domain, DomainContext, DomainRuntime, Error,
    MemoryStore, Session, SimpleRejection, StateManager, StoreError, Versioned, aggregate,
};
use fluvius_testing::FixedClock;
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use fluvius_tests::faulty_store::ScriptedStore;
use fluvius_tests::fixture::id;
use fluvius_tests::probe::{Probe, ProbingDomain, Run, StartProbe, Step, probe};

/// Accounts 1 to 5 of the bank.
async fn bank() -> (DomainRuntime, Session) {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await.unwrap();
    let session = domain.session(DomainContext::create("teller"));
    for (number, (owner, cents)) in
        [("Ada", 1000), ("Grace", 950), ("Ada's son", 10_000), ("Linus", 1_000), ("ada", 0)]
            .into_iter()
            .enumerate()
    {
        open(&session, 1 + u128::try_from(number).unwrap(), owner, cents).await;
    }
    (domain, session)
}

async fn open(session: &Session, number: u128, owner: &str, cents: i64) {
    let command = OpenAccount {
        account_number: format!("DE-{number}"),
        owner_name: owner.to_owned(),
        initial_deposit: Decimal::new(cents, 2),
    };
    session.send(id(number), command).await.unwrap();
}

fn owners(accounts: &[Versioned<Account>]) -> Vec<&str> {
    accounts.iter().map(|account| account.owner_name.as_str()).collect()
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().framework_code()
}

#[tokio::test]
async fn aggregates_are_found_by_field() {
    let (_domain, session) = bank().await;
    let accounts = session.statemgr();
    let ten = Decimal::from_i32(10).unwrap();
    let found = accounts.find_all::<Account>(Field::number("balance").eq(ten)).await.unwrap();
    assert_eq!(owners(&found), ["Ada", "Linus"]);
    let found = accounts
        .query::<Account>()
        .filter(Field::number("balance").ge(ten))
        .filter(!Field::text("owner_name").starts_with("Lin"))
        .sort(Field::number("balance").descending())
        .all()
        .await
        .unwrap();
    assert_eq!(owners(&found), ["Ada's son", "Ada"]);
    assert_eq!(found[0].balance, Decimal::new(10_000, 2));
    assert_eq!(
        (Versioned::version(&found[0]), Versioned::record(&found[0]).aggregate_id.id),
        (1, id(3))
    );

    let rows = accounts.query_rows("bank-account").filter(Field::text("owner_name").eq("ada"));
    assert_eq!(rows.one().await.unwrap().unwrap().aggregate_id.id, id(5));
    let nothing = accounts.query_rows("bank-accounts").all().await.unwrap();
    assert!(nothing.is_empty());
}

#[tokio::test]
async fn find_one_fails_on_multiple_results() {
    let (_domain, session) = bank().await;
    let accounts = session.statemgr();
    let one = accounts.find_one::<Account>(Field::text("account_number").eq("DE-2")).await.unwrap();
    assert_eq!(one.unwrap().owner_name, "Grace");
    let none =
        accounts.find_one::<Account>(Field::text("account_number").eq("DE-9")).await.unwrap();
    assert!(none.is_none());
    let several = accounts.find_one::<Account>(Field::number("balance").eq(10)).await;
    assert!(
        matches!(several, Err(Error::MultipleResults { resource }) if resource == "bank-account")
    );
}

#[tokio::test]
async fn pages_cover_all_rows_in_order() {
    let (_domain, session) = bank().await;
    let mut reader = session
        .statemgr()
        .query::<Account>()
        .sort(Field::number("balance").descending())
        .sort(Field::text("owner_name").descending())
        .limit(2);
    let mut pages = Vec::new();
    loop {
        let page = reader.page().await.unwrap();
        pages.push(page.rows.iter().map(|row| row.owner_name.clone()).collect::<Vec<_>>());
        match page.next {
            Some(cursor) => reader = reader.after(cursor.to_string().parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(pages, [vec!["Ada's son", "Linus"], vec!["Ada", "Grace"], vec!["ada"]]);
    let whole = session.statemgr().query::<Account>().limit(5).page().await.unwrap();
    assert!(whole.rows.len() == 5 && whole.next.is_none());
}

#[tokio::test]
async fn all_reads_every_page() {
    let domain = ProbingDomain::runtime(MemoryStore::new()).await.unwrap();
    let session = domain.session(DomainContext::create("many"));
    for number in 1..=250 {
        let value = i64::try_from(number % 7).unwrap();
        session.send(id(number), StartProbe { value }).await.unwrap();
    }
    let reader = session.statemgr().query::<Probe>().sort(Field::number("value").ascending());
    for limit in [1, 49, 50, 249, 250, 251, 10_000] {
        let all = reader.clone().limit(limit).all().await.unwrap();
        assert_eq!(all.len(), 250, "{limit} at a time");
        assert!(
            all.is_sorted_by_key(|probe| (probe.value, Versioned::record(probe).aggregate_id.id))
        );
    }
    // With a limit of zero, the pages would never end.
    assert_eq!(reader.clone().limit(0).page().await.unwrap().rows.len(), 1);
    assert_eq!(code(reader.limit(10_001).page().await), "invalid-query");
}

#[tokio::test]
async fn closed_and_foreign_aggregates_are_excluded() {
    let (domain, session) = bank().await;
    session.send(id(5), CloseAccount {}).await.unwrap();
    let north = domain.session(DomainContext::create("north").with_realm("north"));
    open(&north, 6, "Nora", 500).await;
    let count = async |statemgr: StateManager| {
        statemgr.find_all::<Account>(Filter::default()).await.unwrap().len()
    };
    assert_eq!(count(session.statemgr()).await, 4);
    assert_eq!(count(north.statemgr()).await, 1);
    assert_eq!(count(domain.statemgr()).await, 5);
    let closed = domain.statemgr().query::<Account>().with_closed();
    let closed = closed.filter(!Field::column(Column::ClosedAt).is_null()).all().await.unwrap();
    assert_eq!(owners(&closed), ["ada"]);
    // No filter reaches another realm.
    let foreign = Field::column(Column::Realm).eq("north") | Field::column(Column::Realm).is_null();
    let found = session.statemgr().query::<Account>().filter(foreign).with_closed();
    assert_eq!(found.all().await.unwrap().len(), 5);
    assert!(
        found.all().await.unwrap().iter().all(|account| Versioned::record(account).realm.is_none())
    );
}

#[tokio::test]
async fn a_cursor_opens_no_other_realm() {
    let (domain, session) = bank().await;
    let north = domain.session(DomainContext::create("north").with_realm("north"));
    let page = session.statemgr().query::<Account>().limit(1).page().await.unwrap();
    let behind = north.statemgr().query::<Account>().after(page.next.unwrap());
    assert!(behind.all().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_invalid_query_is_rejected() {
    let (_domain, session) = bank().await;
    let accounts = session.statemgr().query::<Account>();
    let wrong_kind = accounts.clone().filter(Field::number("balance").eq("10"));
    assert_eq!(code(wrong_kind.page().await), "invalid-query");
    assert_eq!(code(wrong_kind.all().await), "invalid-query");
    assert_eq!(code(wrong_kind.one().await), "invalid-query");
    let other = accounts.resource("probe");
    assert_eq!(code(other.page().await), "resource-not-allowed");
    let error = session.statemgr().find_all::<Account>(Field::text("a").gt(1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the query is not valid: text `a` cannot be compared with the number 1: it is read as a \
        text"
    );
}

#[tokio::test]
async fn a_query_reports_a_state_that_does_not_decode() {
    let domain = ProbingDomain::runtime(MemoryStore::new()).await.unwrap();
    let session = domain.session(DomainContext::create("other"));
    session.send(id(1), StartProbe { value: 1 }).await.unwrap();
    let row = session.statemgr().fetch_record(&probe(1)).await.unwrap();
    assert_eq!(code(Account::decode(row.clone())), "resource-not-allowed");
    assert_eq!(Probe::decode(row.clone()).unwrap().value, 1);
    let mut spoilt = row;
    spoilt.data = fluvius_core::Json::parse(r#"{"value":"x"}"#).unwrap();
    let error = Probe::decode(spoilt).unwrap_err();
    assert!(matches!(error, Error::InvalidState { path, .. } if path == "value"));
}

#[tokio::test]
async fn a_snapshot_reads_aggregates_at_one_moment() {
    let (domain, session) = bank().await;
    let transfer = TransferMoney { amount: Decimal::from(4), recipient_id: id(2) };
    session.send(id(1), transfer).await.unwrap();
    session.send(id(5), CloseAccount {}).await.unwrap();
    let aggregate_ids = [2, 9, 1, 5, 2].map(|number| Account::aggregate_id(id(number)));
    let rows = session.statemgr().snapshot(&aggregate_ids).await.unwrap();
    let balances: Vec<Option<String>> = rows
        .into_iter()
        .map(|row| row.map(|row| Account::decode(row).unwrap().balance.to_string()))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(balances, [some("13.50"), None, some("6.00"), None, some("13.50")]);
    let north = domain.session(DomainContext::create("north").with_realm("north"));
    let foreign = north.statemgr().snapshot(&aggregate_ids).await.unwrap();
    assert!(foreign.iter().all(Option::is_none));
}

/// An account with an event every minute, and the time of the first.
async fn aged() -> (DomainRuntime, Session, DateTime<Utc>) {
    let start = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    let clock = FixedClock::at(start);
    let domain = TransactionManagerDomain::builder(MemoryStore::new())
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    let session = domain.session(DomainContext::create("teller").with_user(id(77)));
    open(&session, 1, "Ada", 0).await;
    for cents in 1..=100 {
        clock.set(start + TimeDelta::minutes(cents));
        session.send(id(1), DepositMoney { amount: Decimal::new(cents, 2) }).await.unwrap();
    }
    (domain, session, start)
}

#[tokio::test]
async fn fetch_at_a_version_returns_the_past_state() {
    let (_domain, session, start) = aged().await;
    let accounts = session.statemgr();
    for version in [1_u64, 2, 30, 64, 65, 66, 100, 101] {
        let then = accounts.fetch_at::<Account>(id(1), version).await.unwrap();
        let cents: u64 = (1..version).sum();
        assert_eq!(then.balance, Decimal::new(i64::try_from(cents).unwrap(), 2), "{version}");
        assert_eq!(Versioned::version(&then), version);
        let event = accounts
            .history(&Versioned::record(&then).aggregate_id, version..=version)
            .await
            .unwrap();
        assert_eq!(
            Versioned::etag(&then),
            fluvius_core::ETag::new(version, event[0].record.command_id)
        );
        let row = Versioned::record(&then);
        assert_eq!((row.created_at, row.updated_at), (start, event[0].record.occurred_at));
        assert_eq!((row.created_by, row.updated_by), (Some(id(77)), Some(id(77))));
    }
    let now = accounts.fetch::<Account>(id(1)).await.unwrap();
    let then = accounts.fetch_at::<Account>(id(1), 101).await.unwrap();
    assert_eq!(Versioned::record(&then), Versioned::record(&now));
    for version in [0, 102, u64::MAX] {
        let error = accounts.fetch_at::<Account>(id(1), version).await.unwrap_err();
        assert_eq!(error.code(), "not-found");
        let expected = format!(
            "bank-account/{} does not exist at version {version}; its newest version is 101",
            id(1)
        );
        assert_eq!(error.to_string(), expected);
    }
    let absent = accounts.fetch_at::<Account>(id(2), 1).await.unwrap_err();
    assert_eq!(absent.to_string(), format!("bank-account/{} does not exist at version 1", id(2)));
    assert!(accounts.find_at::<Account>(id(2), 1).await.unwrap().is_none());
    assert_eq!(code(accounts.fetch_at::<Account>(probe(1), 1).await), "resource-not-allowed");
}

#[tokio::test]
async fn fetch_at_a_time_returns_the_past_state() {
    let (_domain, session, start) = aged().await;
    let accounts = session.statemgr();
    for minutes in [0_i64, 1, 2, 63, 64, 65, 99, 100] {
        for (seconds, later) in [(0, minutes), (59, minutes), (-1, minutes - 1)] {
            let time = start + TimeDelta::minutes(minutes) + TimeDelta::seconds(seconds);
            let then = accounts.find_at::<Account>(id(1), time).await.unwrap();
            let version = then.map(|then| Versioned::version(&then));
            let expected = u64::try_from(later + 1).ok().filter(|version| *version > 0);
            assert_eq!(version, expected, "at minute {minutes} and {seconds} s");
        }
    }
    let far = DateTime::<Utc>::MAX_UTC;
    assert_eq!(Versioned::version(&accounts.fetch_at::<Account>(id(1), far).await.unwrap()), 101);
    assert!(accounts.find_at::<Account>(id(1), DateTime::<Utc>::MIN_UTC).await.unwrap().is_none());
}

#[tokio::test]
async fn a_closed_aggregate_is_readable_in_the_past() {
    let (domain, session) = bank().await;
    session.send(id(5), DepositMoney { amount: Decimal::from(1) }).await.unwrap();
    let withdraw = banking_domain::WithdrawMoney { amount: Decimal::from(1) };
    session.send(id(5), withdraw).await.unwrap();
    session.send(id(5), CloseAccount {}).await.unwrap();
    let accounts = session.statemgr();
    let aggregate_id = Account::aggregate_id(id(5));
    let then = accounts.fetch_at::<Account>(id(5), 2).await.unwrap();
    assert_eq!(then.balance, Decimal::from(1));
    assert!(accounts.find_at::<Account>(id(5), 3).await.unwrap().is_some());
    assert!(accounts.find_at::<Account>(id(5), 4).await.unwrap().is_none());
    let history = accounts.history(&aggregate_id, ..).await.unwrap();
    let keys: Vec<&str> = history.iter().map(|event| event.record.key()).collect();
    assert_eq!(keys, ["account-opened", "money-deposited", "money-withdrawn", "account-closed"]);
    let north = domain.session(DomainContext::create("north").with_realm("north"));
    assert_eq!(code(north.statemgr().history(&aggregate_id, ..).await), "not-found");
    assert!(north.statemgr().find_at::<Account>(id(5), 2).await.unwrap().is_none());
}

#[tokio::test]
async fn a_history_has_the_versions_of_any_range() {
    let domain = ProbingDomain::runtime(MemoryStore::new()).await.unwrap();
    let session = domain.session(DomainContext::create("history"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    for _ in 0..9 {
        session.send(id(1), Run { steps: vec![Step::Add(1)] }).await.unwrap();
    }
    use std::ops::Bound::{Excluded, Included, Unbounded};
    for (range, first, last) in [
        ((Unbounded, Unbounded), 1, 10),
        ((Included(3), Unbounded), 3, 10),
        ((Excluded(3), Excluded(6)), 4, 5),
        ((Included(0), Included(2)), 1, 2),
        ((Included(10), Included(u64::MAX)), 10, 10),
        ((Excluded(u64::MAX), Unbounded), 1, 0),
        ((Unbounded, Excluded(0)), 1, 0),
        ((Included(7), Included(6)), 1, 0),
    ] {
        let events = session.statemgr().history(&probe(1), range).await.unwrap();
        let versions: Vec<u64> = events.iter().map(|event| event.record.version).collect();
        assert_eq!(versions, (first..=last).collect::<Vec<u64>>(), "{range:?}");
    }
    assert_eq!(code(session.statemgr().history(&probe(2), ..).await), "not-found");
}

/// A parcel with an index on its destination.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Parcel {
    number: u32,
    #[serde(rename = "sentAt")]
    sent_at: DateTime<Utc>,
    target: IntoAggregateId,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct IntoAggregateId {
    city: String,
}

#[aggregate(
    resources = ["parcel", "letter"],
    index(number: number, "sentAt": time, "target.city": text)
)]
impl Parcel {
    /// Send a parcel.
    #[action(evt_key = "parcel-sent")]
    pub fn send_parcel(
        cx: &ActionContext,
        number: u32,
        city: String,
    ) -> Result<Self, SimpleRejection> {
        Ok(Self { number, sent_at: cx.now(), target: IntoAggregateId { city } })
    }
}

/// Domain for the post.
#[derive(Domain)]
#[domain(aggregates(Parcel, Probe))]
struct PostDomain;

#[tokio::test]
async fn indexes_are_declared_to_the_store() {
    let fields = vec![Field::number("number"), Field::time("sentAt"), Field::text("target.city")];
    let found: Vec<Field> = Parcel::INDEXES.iter().map(Field::from).collect();
    assert_eq!(found, fields);
    assert_eq!(Parcel::DESCRIPTOR.indexes, Parcel::INDEXES);
    assert!(Probe::INDEXES.is_empty());

    let store = ScriptedStore::default();
    let domain = PostDomain::runtime(store.clone()).await.unwrap();
    let of = |resource: &str, fields: &[Field]| (resource.to_owned(), fields.to_vec());
    let expected = [of("letter", &fields), of("parcel", &fields), of("probe", &[])];
    assert_eq!(store.indexes(), expected);

    let session = domain.session(DomainContext::create("post"));
    let letter = AggregateId::new("letter", id(2));
    session.send(id(1), SendParcel { number: 1, city: "Oslo".to_owned() }).await.unwrap();
    session.send(&letter, SendParcel { number: 2, city: "Oslo".to_owned() }).await.unwrap();
    let sent = session.statemgr().fetch::<Parcel>(id(1)).await.unwrap().sent_at;
    let to_oslo = Field::text("target.city").eq("Oslo") & Field::time("sentAt").ge(sent);
    let letters = session.statemgr().query::<Parcel>().resource("letter").filter(to_oslo.clone());
    assert_eq!(letters.one().await.unwrap().unwrap().number, 2);
    let parcels = session.statemgr().find_one::<Parcel>(to_oslo).await.unwrap();
    assert_eq!(parcels.unwrap().number, 1);
}

#[tokio::test]
async fn a_failed_index_declaration_fails_the_build() {
    let store = ScriptedStore::default();
    store.fail_reads(Some(StoreError::permanent("no room for an index")));
    let error = PostDomain::runtime(store).await.unwrap_err();
    assert!(matches!(error, BuildError::Store { namespace: "post", .. }), "{error}");
}
