//! Tests that the program by hand writes the same rows as the store.

use std::path::Path;

use bench_common::{Bank, BankCommand, BankError, TempDir, account_id};
use fluvius_core::verify::verify;
use fluvius_sqlite::SqliteStore;
use rusqlite::Connection;
use rusqlite::types::Value;
use rust_decimal::Decimal;

use super::{ByHand, Settings, Writer, schema};
use crate::bank::Typed;
use crate::by_hand::{CommitOutcome, job};

/// The queries for all rows, with names and positions instead of numbers. They omit the columns
/// that differ from run to run: times, and identifiers of commands, events and contexts.
const ROWS: [&str; 6] = [
    "SELECT c.position, t.domain, t.revision, t.command, t.resource, c.identifier, c.parent,
        c.payload, c.payload_hash, x.source, c.is_rejected, c.code, c.response
     FROM command AS c JOIN command_type AS t ON t.id = c.type
     JOIN context AS x ON x.number = c.context ORDER BY c.position",
    "SELECT e.position, t.domain, t.revision, t.event, n.text, a.identifier, e.version, e.previous,
        e.command, e.args, e.data, e.delta
     FROM event AS e JOIN event_type AS t ON t.id = e.type
     JOIN aggregate AS a ON a.number = e.aggregate JOIN name AS n ON n.id = a.resource
     ORDER BY e.position",
    "SELECT n.text, a.identifier, a.created_by, a.realm, s.version, s.event, s.etag, s.revision,
        s.data, s.updated_by, s.closed_at
     FROM state AS s JOIN aggregate AS a ON a.number = s.aggregate JOIN name AS n ON n.id = \
     a.resource ORDER BY a.identifier",
    "SELECT n.text, x.revision, transport, source, headers, user_id, profile_id,
        organization_id, roles, realm, correlation, causation
     FROM context AS x JOIN name AS n ON n.id = x.domain",
    "SELECT resource, domain FROM resource_owner",
    "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM activity)",
];

/// The queries that count violations of the order of events and times.
const ORDERS: [&str; 4] = [
    "SELECT count(*) FROM event AS e JOIN command AS c ON c.position = e.command WHERE \
    e.occurred_at < c.received_at",
    "SELECT count(*) FROM event AS e JOIN event AS p ON p.position = e.previous
     WHERE p.aggregate != e.aggregate OR p.version != e.version - 1 OR p.occurred_at > \
     e.occurred_at",
    "SELECT count(*) FROM state AS s JOIN event AS e ON e.position = s.event
     WHERE e.aggregate != s.aggregate OR e.version != s.version OR e.occurred_at != s.updated_at",
    "SELECT count(*) FROM aggregate AS a JOIN event AS e ON e.aggregate = a.number AND e.version = 1
     WHERE e.occurred_at != a.created_at",
];

/// Runs openings, deposits, withdrawals and rejections, with enough commands on one account for a
/// whole state in the log.
async fn run(bank: &impl Bank) {
    let refused = |outcome| matches!(outcome, Err(BankError::Rejected));
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
    let withdraw = BankCommand::Withdraw(Decimal::from(51));
    assert!(refused(bank.run(account_id(2), withdraw).await));
    bank.run(account_id(2), BankCommand::Withdraw(Decimal::from(50))).await.unwrap();
}

fn rows(file: &Path) -> Vec<Vec<Vec<Value>>> {
    let connection = Connection::open(file).unwrap();
    for sql in ORDERS {
        let wrong: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(wrong, 0, "{sql}");
    }
    let table = |sql: &&str| {
        let mut statement = connection.prepare(sql).unwrap();
        let width = statement.column_count();
        let rows = statement.query_map([], |row| (0..width).map(|at| row.get(at)).collect());
        rows.unwrap().map(Result::unwrap).collect()
    };
    ROWS.iter().map(table).collect()
}

#[tokio::test]
async fn rows_by_hand_are_those_of_the_store() {
    let folder = TempDir::new("rows");
    let (by_hand, by_fluvius) = (folder.0.join("by-hand.db"), folder.0.join("fluvius.db"));
    let bank = ByHand::open(&by_hand, Settings::usual("NORMAL")).unwrap();
    run(&bank).await;
    assert_eq!(bank.balance(account_id(2)).await, Some(Decimal::ZERO));
    let store = SqliteStore::open(&by_fluvius).await.unwrap();
    run(&Typed::over(store).await.unwrap()).await;
    for (hand, fluvius) in rows(&by_hand).iter().zip(&rows(&by_fluvius)) {
        assert_eq!(hand.len(), fluvius.len());
        for (hand, fluvius) in hand.iter().zip(fluvius) {
            assert_eq!(hand, fluvius);
        }
    }
}

#[tokio::test]
async fn a_file_by_hand_is_whole_and_fluvius_goes_on_with_it() {
    let folder = TempDir::new("whole");
    let file = folder.0.join("b.db");
    run(&ByHand::open(&file, Settings::usual("NORMAL")).unwrap()).await;
    let store = SqliteStore::open(&file).await.unwrap();
    let found = verify(&store).await.unwrap();
    assert!(found.is_sound(), "{found}");
    assert_eq!((found.aggregates, found.commands, found.events), (3, 271, 270));
    let bank = Typed::over(store.clone()).await.unwrap();
    let before = bank.balance(account_id(0)).await.unwrap();
    bank.run(account_id(0), BankCommand::Deposit(Decimal::from(7))).await.unwrap();
    assert_eq!(bank.balance(account_id(0)).await, Some(before + Decimal::from(7)));
    let found = verify(&store).await.unwrap();
    assert!(found.is_sound(), "{found}");
}

/// Checks that the program by hand makes the store's check for known identifiers.
#[test]
fn a_command_that_is_there_already_is_not_applied_again() {
    let folder = TempDir::new("twice");
    let connection = schema::open(&folder.0.join("b.db"), Settings::usual("NORMAL")).unwrap();
    let mut writer = Writer::new(&connection).unwrap();
    let open = |amount| job(account_id(0), BankCommand::Open(Decimal::from(amount)), None).unwrap();
    let deposit = job(account_id(0), BankCommand::Deposit(Decimal::from(5)), None).unwrap();
    let batch = [open(10), deposit];
    assert_eq!(writer.commit(&batch), [CommitOutcome::Applied, CommitOutcome::Applied]);
    assert_eq!(writer.commit(&batch[1..]), [CommitOutcome::Duplicate]);
    assert_eq!(writer.commit(&[open(10)]), [CommitOutcome::Rejected]);
    let sum =
        "SELECT version, (SELECT count(*) FROM event), (SELECT count(*) FROM command) FROM state";
    let found: (i64, i64, i64) =
        connection.query_row(sum, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!(found, (2, 2, 3));
}
