//! Tests that the program by hand writes the same rows as the store.

use bench_common::{Bank, BankCommand, BankError, account_id};
use fluvius_core::verify::verify;
use fluvius_postgres::PostgresStore;
use fluvius_testing::servers::{TestSchema, TestServer};
use rust_decimal::Decimal;

use super::{ByHand, Way, Writer, connection};
use crate::bank::Typed;
use crate::by_hand::command::{CommitOutcome, job};

const WAYS: [Way; 2] = [Way::Function, Way::Statements];

/// The queries for all rows. They omit the columns that differ from run to run: times, and
/// identifiers of commands, events and contexts.
const ROWS: [&str; 6] = [
    "SELECT concat_ws('|', l.position, l.parent, l.domain, l.revision, l.command, l.resource,
        l.identifier, l.payload, l.payload_hash, x.source, l.status, l.code, l.response)
     FROM command_log AS l JOIN context_log AS x ON x.id = l.context_id ORDER BY l.position",
    "SELECT concat_ws('|', l.position, l.domain, l.revision, l.event, l.resource, l.identifier,
        l.version, c.position, l.args, l.data, l.delta)
     FROM event_log AS l JOIN command_log AS c ON c.id = l.command_id ORDER BY l.position",
    "SELECT concat_ws('|', s.resource, s.identifier, s.version, split_part(s.etag, '-', 1),
        c.position, s.revision, s.data, s.created_by, s.updated_by, s.closed_at, s.realm)
     FROM resource_state AS s JOIN command_log AS c ON c.id = split_part(s.etag, '-', 2)::uuid \
     ORDER BY s.identifier",
    "SELECT DISTINCT concat_ws('|', domain, revision, transport, source, headers, user_id,
        profile_id, organization_id, roles, realm, correlation, causation)
     FROM context_log",
    "SELECT concat_ws('|', resource, domain) FROM resource_owner",
    "SELECT concat_ws('|', (SELECT count(*) FROM message_log), (SELECT count(*) FROM activity_log),
        (SELECT last_value FROM position))",
];

/// The queries that count violations of the order of times.
const ORDERS: [&str; 3] = [
    "SELECT count(*) FROM event_log AS e JOIN command_log AS c ON c.id = e.command_id WHERE \
    e.occurred_at < c.received_at",
    "SELECT count(*) FROM resource_state AS s
     JOIN event_log AS e USING (identifier, resource, version) WHERE e.occurred_at != s.updated_at",
    "SELECT count(*) FROM resource_state AS s JOIN event_log AS e USING (identifier, resource)
     WHERE e.version = 1 AND e.occurred_at != s.created_at",
];

/// Runs openings, deposits, withdrawals and rejections, with enough commands on one account for a
/// whole state in the log.
async fn run(bank: &impl Bank) {
    for index in 0..3 {
        bank.run(account_id(index), BankCommand::Open(Decimal::from(50))).await.unwrap();
    }
    for cents in 1..=200 {
        let command = BankCommand::Deposit(Decimal::new(cents, 2));
        bank.run(account_id(usize::from(cents % 5 == 0)), command).await.unwrap();
        if cents % 3 == 0 {
            let command = BankCommand::Withdraw(Decimal::new(cents, 3));
            bank.run(account_id(0), command).await.unwrap();
        }
    }
    let refused = bank.run(account_id(2), BankCommand::Withdraw(Decimal::from(51))).await;
    assert!(matches!(refused, Err(BankError::Rejected)), "{refused:?}");
    bank.run(account_id(2), BankCommand::Withdraw(Decimal::from(50))).await.unwrap();
}

async fn open(schema: &TestSchema) -> PostgresStore {
    PostgresStore::options().schema(schema.name()).open(schema.url()).await.unwrap()
}

async fn rows(schema: &TestSchema) -> Vec<Vec<String>> {
    let client = connection::connect(schema.url(), schema.name()).await.unwrap();
    for sql in ORDERS {
        let wrong: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
        assert_eq!(wrong, 0, "{sql}");
    }
    let mut tables = Vec::new();
    for sql in ROWS {
        let rows = client.query(sql, &[]).await.unwrap();
        tables.push(rows.iter().map(|row| row.get(0)).collect());
    }
    tables
}

#[tokio::test]
async fn rows_by_hand_are_those_of_the_store() {
    let Some(server) = TestServer::get() else { return };
    let by_fluvius = server.schema();
    run(&Typed::over(open(&by_fluvius).await).await.unwrap()).await;
    let expected = rows(&by_fluvius).await;
    for way in WAYS {
        let schema = server.schema();
        let bank = ByHand::open(schema.url(), schema.name(), way).await.unwrap();
        run(&bank).await;
        assert_eq!(bank.balance(account_id(2)).await, Some(Decimal::ZERO));
        for (hand, fluvius) in rows(&schema).await.iter().zip(&expected) {
            assert_eq!(hand.len(), fluvius.len(), "{way:?}");
            for (hand, fluvius) in hand.iter().zip(fluvius) {
                assert_eq!(hand, fluvius, "{way:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_schema_by_hand_is_whole_and_fluvius_goes_on_with_it() {
    let Some(server) = TestServer::get() else { return };
    for way in WAYS {
        let schema = server.schema();
        run(&ByHand::open(schema.url(), schema.name(), way).await.unwrap()).await;
        let store = open(&schema).await;
        let found = verify(&store).await.unwrap();
        assert!(found.is_sound(), "{way:?}: {found}");
        assert_eq!((found.aggregates, found.commands, found.events), (3, 271, 270));
        let bank = Typed::over(store.clone()).await.unwrap();
        let before = bank.balance(account_id(0)).await.unwrap();
        bank.run(account_id(0), BankCommand::Deposit(Decimal::from(7))).await.unwrap();
        assert_eq!(bank.balance(account_id(0)).await, Some(before + Decimal::from(7)));
        let found = verify(&store).await.unwrap();
        assert!(found.is_sound(), "{way:?}: {found}");
    }
}

/// Checks that the program by hand makes the store's checks: for known identifiers, and for the
/// writes of other writers.
#[tokio::test]
async fn nothing_is_applied_twice_or_over_the_rows_of_others() {
    let Some(server) = TestServer::get() else { return };
    for way in WAYS {
        let schema = server.schema();
        connection::make_schema(schema.url(), schema.name()).await.unwrap();
        let mut one = Writer::open(schema.url(), schema.name(), way).await.unwrap();
        let mut other = Writer::open(schema.url(), schema.name(), way).await.unwrap();
        let new = |command| job(account_id(0), command, None).unwrap();
        let open = || new(BankCommand::Open(Decimal::from(10)));
        let deposit = || new(BankCommand::Deposit(Decimal::from(5)));
        let twice = deposit();
        let batch = [open(), twice];
        assert_eq!(
            one.commit(&batch).await,
            [CommitOutcome::Applied, CommitOutcome::Applied],
            "{way:?}"
        );
        assert_eq!(one.commit(&batch[1..]).await, [CommitOutcome::Duplicate], "{way:?}");
        // The second writer has not read the account yet. Later it has not read the newer writes of
        // the first.
        assert_eq!(
            other.commit(&[open(), deposit()]).await,
            [CommitOutcome::Rejected, CommitOutcome::Applied]
        );
        assert_eq!(one.commit(&[deposit()]).await, [CommitOutcome::Applied], "{way:?}");
        let last = [deposit(), new(BankCommand::Withdraw(Decimal::from(31)))];
        assert_eq!(
            other.commit(&last).await,
            [CommitOutcome::Applied, CommitOutcome::Rejected],
            "{way:?}"
        );
        let client = connection::connect(schema.url(), schema.name()).await.unwrap();
        let sum = "SELECT version, data, (SELECT count(*) FROM event_log),
                   (SELECT count(*) FROM command_log) FROM resource_state";
        let row = client.query_one(sum, &[]).await.unwrap();
        let found: (i64, String, i64, i64) = (row.get(0), row.get(1), row.get(2), row.get(3));
        assert_eq!((found.0, found.2, found.3), (5, 5, 7), "{way:?}");
        assert!(found.1.contains(r#""balance":"30""#), "{way:?}: {}", found.1);
    }
}
