//! The backup of the guide: PostgreSQL's own tools, while commands run.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fluvius_core::CommandRecord;
use fluvius_core::query::Field;
use fluvius_core::uuid::Uuid;
use fluvius_core::verify::verify;
use fluvius_core::{LogQuery, StateQuery, Store};
use fluvius_postgres::PostgresStore;
use fluvius_testing::SeededRng;
use fluvius_testing::servers::PrivateServer;

use crate::bank::{self, Transfer};
use crate::client;

const ACCOUNTS: u64 = 4;
const SETTLE_TIME: Duration = Duration::from_secs(30);

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dump_under_load_restores_a_consistent_store() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let store = PostgresStore::open(&server.url()).await.unwrap();
    let session = bank::session(&bank::runtime(store.clone(), SETTLE_TIME).await);
    let fields = [Field::number("balance"), Field::text("owner_name")];
    store.declare_indexes("bank-account", &fields).await.unwrap();
    bank::open_accounts(&session, ACCOUNTS).await;
    let mut rng = SeededRng::new(1);
    let mut before = Vec::new();
    for number in 1..=20 {
        let transfer = bank::any_transfer(&mut rng, Uuid::from_u128(number), ACCOUNTS);
        before.push(bank::send_until_answered(&session, transfer, async |_| {}).await);
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn({
        let (session, is_over) = (session.clone(), Arc::clone(&is_over));
        async move {
            while !is_over.load(Ordering::SeqCst) {
                let id = Uuid::from_u64_pair(1, rng.next_u64());
                let transfer = bank::any_transfer(&mut rng, id, ACCOUNTS);
                bank::send(&session, &transfer).await.unwrap();
            }
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fluvius.dump");
    let host = server.socket().parent().unwrap().to_owned();
    let tool = |name: &str| {
        let mut command = Command::new(server.program(name));
        command.arg("--username=postgres").arg("--host").arg(&host);
        command
    };
    tokio::task::block_in_place(|| {
        let mut dump = tool("pg_dump");
        run(dump
            .args(["--schema=fluvius", "--format=custom", "--file"])
            .arg(&file)
            .arg("postgres"));
    });
    is_over.store(true, Ordering::SeqCst);
    load.await.unwrap();
    client(&server.url()).await.batch_execute("CREATE DATABASE other").await.unwrap();
    tokio::task::block_in_place(|| {
        run(tool("pg_restore").args(["--exit-on-error", "--dbname=other"]).arg(&file));
    });
    let other = server.url().replace("dbname=postgres", "dbname=other");
    let restored = PostgresStore::open(&other).await.unwrap();
    let found = verify(&restored).await.unwrap();
    assert!(found.is_sound(), "{found}");
    let all = LogQuery::all();
    let last =
        restored.read_log::<CommandRecord>(&all).await.unwrap().rows.last().unwrap().position;
    let values = "SELECT count(*) FROM fluvius.field, fluvius.resource_state JOIN fluvius.field_1 \
                  USING (identifier) WHERE is_filled AND field_number(data, '{balance}') IS NOT \
                  DISTINCT FROM value";
    let kept = client(&other).await;
    kept.batch_execute("SET search_path = fluvius").await.unwrap();
    let values: i64 = kept.query_one(values, &[]).await.unwrap().get(0);
    assert_eq!(values, 2 * i64::try_from(ACCOUNTS).unwrap());
    restored.declare_indexes("bank-account", &fields).await.unwrap();
    let rich = StateQuery::for_resource("bank-account", 10)
        .filter(Field::number("balance").gt(0))
        .sort(vec![Field::number("balance").descending()]);
    let all = restored.query(&StateQuery::for_resource("bank-account", 10)).await.unwrap();
    assert_eq!(restored.query(&rich).await.unwrap(), rich.select(all));
    let session = bank::session(&bank::runtime(restored.clone(), SETTLE_TIME).await);
    // Commands that were answered before the dump are stored, and positions continue.
    bank::send_again(&session, &before).await;
    let next = Transfer { id: Uuid::from_u128(99), from: 0, to: Some(1), amount: 1 };
    bank::send(&session, &next).await.unwrap();
    let (row, _) = restored.command(next.id).await.unwrap().unwrap();
    assert!(row.position > last);
    let found = verify(&restored).await.unwrap();
    assert!(found.is_sound(), "{found}");
    // The dump contains the triggers.
    let truncated = client(&other).await.batch_execute("TRUNCATE fluvius.event_log").await;
    assert!(truncated.is_err());
}
