//! eventcore-sqlite.

use bench_common::{Plan, TempDir, matrix, repeat, wants_store};
use eventcore_sqlite::SqliteEventStore;

use crate::bank::{self, EventcoreBank};

pub(crate) async fn run(plan: &Plan) {
    if !wants_store("sqlite") {
        return;
    }
    for sync in ["FULL", "NORMAL"] {
        for (name, with_snapshots) in
            [("eventcore-sqlite", false), ("eventcore-sqlite+snapshot", true)]
        {
            matrix(name, "sqlite", sync, plan, |_, _| async move {
                let (store, folder) = store(sync).await;
                EventcoreBank { store, with_snapshots, _folder: Some(folder) }
            })
            .await;
        }
    }
    for count in [10_000_usize, 100_000] {
        let name = format!("eventcore/sqlite/{count}");
        repeat("replay", &name, "events/s", crate::REPLAY, || async move {
            let (store, _folder) = store("NORMAL").await;
            bank::replay(&store, count).await
        })
        .await;
    }
}

async fn store(sync: &str) -> (SqliteEventStore, TempDir) {
    let folder = TempDir::new("eventcore");
    let connection = rusqlite::Connection::open(folder.0.join("b.db")).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.pragma_update(None, "synchronous", sync).unwrap();
    let store = SqliteEventStore::from_connection(connection);
    store.migrate().await.unwrap();
    (store, folder)
}
