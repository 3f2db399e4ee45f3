//! Two ways to assign positions to the rows of a log such that no reader skips a row.
//!
//! The first draws positions under one lock that is held until the end of the commit. The second
//! draws positions without a lock and stores the transaction id beside them. Its reader uses a
//! watermark.
//!
//! A connection stands for a process: it runs one transaction at a time, and the server does not
//! distinguish the two. A reader polls meanwhile. At the end it must have seen each row once, in
//! the order of the variant.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bench_common::{Uuid, account_id};
use tokio::sync::oneshot;
use tokio_postgres::{Client, NoTls};

use crate::load::{Done, calls, measure, time};

const COUNTS: [usize; 3] = [1, 2, 4];

/// The numbers of log rows that a commit writes.
const ROW_COUNTS: [i32; 2] = [1, 32];

/// The time between two polls of the reader.
const POLL_TIME: Duration = Duration::from_millis(5);

/// The longest time for which the reader continues after the last commit. A transaction of another
/// session may hold the watermark back.
const MAX_REST_TIME: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
DROP SCHEMA IF EXISTS choices CASCADE; CREATE SCHEMA choices;
CREATE SEQUENCE choices.position;
CREATE TABLE choices.state(id uuid PRIMARY KEY, version bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE choices.locked(position bigint PRIMARY KEY, id uuid NOT NULL, data text NOT NULL);
CREATE TABLE choices.numbered(xid xid8 NOT NULL, position bigint NOT NULL, id uuid NOT NULL,
    data text NOT NULL, PRIMARY KEY (xid, position));
CREATE FUNCTION choices.commit_locked(root uuid, row_count int, content text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    base bigint;
BEGIN
    INSERT INTO choices.state AS s VALUES (root, 1)
    ON CONFLICT (id) DO UPDATE SET version = s.version + 1;
    PERFORM pg_advisory_xact_lock(4711);
    base := nextval('choices.position') - 1;
    IF row_count > 1 THEN
        PERFORM setval('choices.position', base + row_count);
    END IF;
    INSERT INTO choices.locked
    SELECT base + n, root, content FROM generate_series(1, row_count) AS n;
END $$;
CREATE FUNCTION choices.commit_numbered(root uuid, row_count int, content text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO choices.state AS s VALUES (root, 1)
    ON CONFLICT (id) DO UPDATE SET version = s.version + 1;
    INSERT INTO choices.numbered
    SELECT pg_current_xact_id(), nextval('choices.position'), root, content
    FROM generate_series(1, row_count);
END $$;";

const DATA: &str = "{\"amount\":\"10.50\",\"note\":\"about as long as a row of the log, with its \
    change of the state\"}";

/// A way to assign positions.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Lock,
    Xid8,
}

impl Way {
    fn commit(self) -> &'static str {
        match self {
            Self::Lock => "SELECT choices.commit_locked($1, $2, $3)",
            Self::Xid8 => "SELECT choices.commit_numbered($1, $2, $3)",
        }
    }

    /// Returns the query for the rows after a checkpoint. The checkpoint consists of the two
    /// columns of the last row.
    fn read(self) -> &'static str {
        match self {
            Self::Lock => {
                "SELECT '0', position FROM choices.locked WHERE position > $2 AND $1 = '0' ORDER \
                BY position"
            }
            Self::Xid8 => {
                // The order is by the column. In the order of its text, 10000 would precede 9999.
                "SELECT xid::text, position FROM choices.numbered AS n \
                 WHERE (xid, position) > ($1::text::xid8, $2) AND xid < \
                 pg_snapshot_xmin(pg_current_snapshot()) \
                 ORDER BY n.xid, position"
            }
        }
    }
}

pub(crate) async fn run(url: &str) {
    for rows in ROW_COUNTS {
        for count in COUNTS {
            for (name, way) in [("lock", Way::Lock), ("xid8", Way::Xid8)] {
                let name = format!("{name}/{rows} rows/{count}");
                let note = "commits over so many connections at once, each on an aggregate of its \
                    own; a reader polls, and \
                            has seen each row once";
                measure("positions", &name, "commits", note, async || {
                    commits(url, way, rows, count).await
                })
                .await;
            }
        }
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn commits(url: &str, way: Way, rows: i32, count: usize) -> Done {
    connect(url).await.batch_execute(SCHEMA).await.unwrap();
    let mut writers = Vec::new();
    for _ in 0..count {
        let client = connect(url).await;
        let statement = client.prepare(way.commit()).await.unwrap();
        writers.push(Arc::new((client, statement)));
    }
    let committed = Arc::new(AtomicU64::new(0));
    let (over, is_over) = oneshot::channel();
    let reader = tokio::spawn(read(connect(url).await, way, is_over));
    let done = calls(count, time(), |number| {
        let (writer, committed) = (Arc::clone(&writers[number]), Arc::clone(&committed));
        let aggregate_id: Uuid = account_id(number);
        move |_| {
            let (writer, committed) = (Arc::clone(&writer), Arc::clone(&committed));
            async move {
                let (client, statement) = &*writer;
                client.query_one(statement, &[&aggregate_id, &rows, &DATA]).await.unwrap();
                committed.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await;
    let expected = committed.load(Ordering::Relaxed) * u64::from(rows.unsigned_abs());
    over.send(expected).unwrap();
    assert_eq!(reader.await.unwrap(), expected, "{way:?}: rows seen");
    done
}

/// Reads from its checkpoint until it has received the number of rows and has seen them all.
/// Returns the number of rows seen.
async fn read(client: Client, way: Way, mut is_over: oneshot::Receiver<u64>) -> u64 {
    let statement = client.prepare(way.read()).await.unwrap();
    let (mut xid, mut position, mut seen) = ("0".to_owned(), 0_i64, 0);
    let mut end = None;
    loop {
        let rows = client.query(&statement, &[&xid, &position]).await.unwrap();
        seen += rows.len() as u64;
        if let Some(last) = rows.last() {
            (xid, position) = (last.get(0), last.get(1));
        }
        if let Ok(expected) = is_over.try_recv() {
            end = Some((expected, Instant::now() + MAX_REST_TIME));
        }
        if end.is_some_and(|(expected, end)| seen >= expected || Instant::now() > end) {
            return seen;
        }
        tokio::time::sleep(POLL_TIME).await;
    }
}
