//! tokio-postgres: three shapes of one transaction per command, and round trips.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bench_common::{Bank, BankCommand, BankError, Plan, Uuid, matrix, pg_url, repeat, wants_store};
use futures::future::join_all;
use rust_decimal::Decimal;
use tokio::sync::{Mutex, mpsc};
use tokio_postgres::types::{Json, ToSql};
use tokio_postgres::{Client, NoTls, Statement};

use crate::postgres_group;
use crate::records::{deposit_command, event_record};

pub(crate) const SCHEMA: &str = "
DROP SCHEMA IF EXISTS raw CASCADE; CREATE SCHEMA raw;
CREATE TABLE raw.account(id uuid PRIMARY KEY, balance numeric NOT NULL, version bigint NOT NULL)
  WITH (fillfactor=70);
CREATE TABLE raw.command_log(seq bigserial PRIMARY KEY, id uuid NOT NULL, aggroot_id uuid NOT NULL,
  data jsonb NOT NULL);
CREATE TABLE raw.event_log(seq bigserial PRIMARY KEY, id uuid NOT NULL, command_id uuid NOT NULL,
  aggroot_id uuid NOT NULL, version bigint NOT NULL, data jsonb NOT NULL);";

const GUARDED: &str = "
WITH u AS (UPDATE raw.account SET balance=$2, version=version+1 WHERE id=$1 AND version=$3
           RETURNING version),
     c AS (INSERT INTO raw.command_log(id,aggroot_id,data) SELECT $4,$1,$5 FROM u)
INSERT INTO raw.event_log(id,command_id,aggroot_id,version,data) SELECT $6,$4,$1,version,$7 FROM u";

const IN_SQL: &str = "
WITH u AS (UPDATE raw.account SET balance=balance+$2, version=version+1
           WHERE id=$1 AND balance+$2>=0 RETURNING version),
     c AS (INSERT INTO raw.command_log(id,aggroot_id,data) SELECT $3,$1,$4 FROM u)
INSERT INTO raw.event_log(id,command_id,aggroot_id,version,data) SELECT $5,$3,$1,version,$6 FROM u";

pub(crate) type Params<'a, const N: usize> = [&'a (dyn ToSql + Sync); N];

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// 2 round trips: BEGIN and SELECT .. FOR UPDATE; the rule in Rust; then UPDATE, 2 INSERT and
    /// COMMIT in a pipeline.
    Pipelined,
    /// 2 round trips without BEGIN: SELECT; the rule in Rust; then one statement guarded by the
    /// version.
    Guarded,
    /// 1 round trip: one statement, with the rule in SQL.
    InSql,
}

pub(crate) async fn run(plan: &Plan) {
    let Some(url) = pg_url().filter(|_| wants_store("postgres")) else { return };
    let url = url.as_str();
    for (name, shape) in [
        ("raw-pg-begin-pipelined", Shape::Pipelined),
        ("raw-pg-cte", Shape::Guarded),
        ("raw-pg-cte-1trip", Shape::InSql),
    ] {
        matrix(name, "postgres", "on", plan, |_, clients| {
            PgBank::new(url, if clients == 1 { 1 } else { 64 }, shape)
        })
        .await;
    }
    let cases: Vec<(usize, usize)> =
        plan.cases.iter().copied().filter(|(_, clients)| *clients == 64).collect();
    let many = Plan { cases, ..plan.clone() };
    matrix("raw-pg-begin-pipelined-16conn", "postgres", "on", &many, |_, _| {
        PgBank::new(url, 16, Shape::Pipelined)
    })
    .await;
    postgres_group::run(plan, url).await;
    let note = "SELECT 1 prepared, one connection, sequential";
    repeat("limit", "pg_ping", "round trips/s", note, || ping(url, 1)).await;
    let note = "SELECT 1 prepared, 64 connections";
    repeat("limit", "pg_ping_64conn", "round trips/s", note, || ping(url, 64)).await;
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn ping(url: &str, connections: usize) -> f64 {
    let clients = join_all((0..connections).map(|_| connect(url))).await;
    let count = Arc::new(AtomicU32::new(0));
    let start = Instant::now();
    let pings = clients.into_iter().map(|client| {
        let count = Arc::clone(&count);
        tokio::spawn(async move {
            let statement = client.prepare("SELECT 1").await.unwrap();
            while start.elapsed() < Duration::from_secs(1) {
                client.query_one(&statement, &[]).await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    join_all(pings).await.into_iter().for_each(Result::unwrap);
    f64::from(count.load(Ordering::Relaxed)) / start.elapsed().as_secs_f64()
}

struct Connection {
    client: Client,
    read: Statement,
    lock: Statement,
    open: Statement,
    update: Statement,
    command: Statement,
    event: Statement,
    guarded: Statement,
    in_sql: Statement,
}

impl Connection {
    async fn new(url: &str) -> Self {
        let client = connect(url).await;
        let prepare = async |sql: &str| client.prepare(sql).await.unwrap();
        let read = "SELECT balance, version FROM raw.account WHERE id=$1";
        let update =
            "UPDATE raw.account SET balance=$2, version=version+1 WHERE id=$1 AND version=$3";
        let event = "INSERT INTO raw.event_log(id,command_id,aggroot_id,version,data)
                     VALUES($1,$2,$3,$4,$5)";
        Self {
            read: prepare(read).await,
            lock: prepare(&format!("{read} FOR UPDATE")).await,
            open: prepare("INSERT INTO raw.account(id,balance,version) VALUES($1,$2,1)").await,
            update: prepare(update).await,
            command: prepare("INSERT INTO raw.command_log(id,aggroot_id,data) VALUES($1,$2,$3)")
                .await,
            event: prepare(event).await,
            guarded: prepare(GUARDED).await,
            in_sql: prepare(IN_SQL).await,
            client,
        }
    }
}

struct PgBank {
    connections: Vec<Connection>,
    give_back: mpsc::UnboundedSender<usize>,
    free: Mutex<mpsc::UnboundedReceiver<usize>>,
    shape: Shape,
}

impl PgBank {
    async fn new(url: &str, count: usize, shape: Shape) -> Self {
        connect(url).await.batch_execute(SCHEMA).await.unwrap();
        let (give_back, free) = mpsc::unbounded_channel();
        let mut connections = Vec::new();
        for index in 0..count {
            connections.push(Connection::new(url).await);
            give_back.send(index).unwrap();
        }
        Self { connections, give_back, free: Mutex::new(free), shape }
    }

    async fn send(&self, on: &Connection, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        match command {
            BankCommand::Open(amount) => {
                let params: Params<'_, 2> = [&id, &amount];
                on.client.execute(&on.open, &params).await.map_err(BankError::other)?;
                Ok(())
            }
            BankCommand::Deposit(amount) => match self.shape {
                Shape::InSql => in_sql(on, id, amount).await,
                _ => self.read_and_write(on, id, command).await,
            },
            BankCommand::Withdraw(amount) => match self.shape {
                Shape::InSql => in_sql(on, id, -amount).await,
                _ => self.read_and_write(on, id, command).await,
            },
        }
    }

    async fn read_and_write(
        &self,
        on: &Connection,
        id: Uuid,
        command: BankCommand,
    ) -> Result<(), BankError> {
        let is_pipelined = self.shape == Shape::Pipelined;
        let row = if is_pipelined {
            let params: Params<'_, 1> = [&id];
            let (begun, row) = tokio::join!(
                on.client.batch_execute("BEGIN"),
                on.client.query_one(&on.lock, &params)
            );
            begun.map_err(BankError::other)?;
            row.map_err(BankError::other)?
        } else {
            on.client.query_one(&on.read, &[&id]).await.map_err(BankError::other)?
        };
        let (balance, version): (Decimal, i64) = (row.get(0), row.get(1));
        let (next, amount) = match command {
            BankCommand::Deposit(amount) => (balance + amount, amount),
            BankCommand::Withdraw(amount) if balance >= amount => (balance - amount, amount),
            _ => {
                if is_pipelined {
                    let _ = on.client.batch_execute("ROLLBACK").await;
                }
                return Err(BankError::Rejected);
            }
        };
        let mut row = deposit_command();
        (row.aggroot_id, row.amount) = (id, amount);
        let mut event = event_record();
        (event.aggroot_id, event.command_id) = (id, row.command_id);
        (event.amount, event.balance) = (amount, next);
        event.version = version.unsigned_abs() + 1;
        let (command_id, event_id, next_version) = (row.command_id, event.event_id, version + 1);
        let (row, event) = (Json(row), Json(event));
        if !is_pipelined {
            let params: Params<'_, 7> =
                [&id, &next, &version, &command_id, &row, &event_id, &event];
            let count = on.client.execute(&on.guarded, &params).await.map_err(BankError::other)?;
            return if count == 1 { Ok(()) } else { Err(BankError::Conflict) };
        }
        let account: Params<'_, 3> = [&id, &next, &version];
        let logged: Params<'_, 3> = [&command_id, &id, &row];
        let happened: Params<'_, 5> = [&event_id, &command_id, &id, &next_version, &event];
        let (updated_at, logged, happened, committed) = tokio::join!(
            on.client.execute(&on.update, &account),
            on.client.execute(&on.command, &logged),
            on.client.execute(&on.event, &happened),
            on.client.batch_execute("COMMIT"),
        );
        logged.map_err(BankError::other)?;
        happened.map_err(BankError::other)?;
        committed.map_err(BankError::other)?;
        match updated_at.map_err(BankError::other)? {
            1 => Ok(()),
            _ => Err(BankError::other("lost update")),
        }
    }
}

async fn in_sql(on: &Connection, id: Uuid, change: Decimal) -> Result<(), BankError> {
    let mut row = deposit_command();
    (row.aggroot_id, row.amount) = (id, change);
    let mut event = event_record();
    (event.aggroot_id, event.command_id, event.amount) = (id, row.command_id, change);
    let (command_id, event_id) = (row.command_id, event.event_id);
    let (row, event) = (Json(row), Json(event));
    let params: Params<'_, 6> = [&id, &change, &command_id, &row, &event_id, &event];
    let count = on.client.execute(&on.in_sql, &params).await.map_err(BankError::other)?;
    if count == 1 { Ok(()) } else { Err(BankError::Rejected) }
}

impl Bank for PgBank {
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        let index = self.free.lock().await.recv().await.unwrap();
        let sent = self.send(&self.connections[index], id, command).await;
        self.give_back.send(index).unwrap();
        sent
    }

    async fn balance(&self, id: Uuid) -> Option<Decimal> {
        let on = &self.connections[0];
        Some(on.client.query_one(&on.read, &[&id]).await.ok()?.get(0))
    }
}
