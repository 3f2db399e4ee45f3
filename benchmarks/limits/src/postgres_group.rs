//! Group commit on PostgreSQL. The process keeps the states and is their only owner. Each batch is
//! written with one UNNEST statement.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use bench_common::{
    BankCommand, OPENING, Plan, Rng, Uuid, account_id, matrix, next_command, repeat,
};
use rust_decimal::Decimal;
use tokio_postgres::{Client, Statement};

use crate::group::{GroupBank, Job, MAX_BATCH_UNITS};
use crate::postgres::{Params, SCHEMA, connect};
use crate::records::{deposit_command, event_record};

const UNNEST: &str = "
WITH s AS (INSERT INTO raw.account(id,balance,version)
           SELECT * FROM unnest($1::uuid[],$2::numeric[],$3::bigint[])
           ON CONFLICT (id) DO UPDATE SET balance=excluded.balance, version=excluded.version),
     c AS (INSERT INTO raw.command_log(id,aggroot_id,data)
           SELECT a,b,d::jsonb FROM unnest($4::uuid[],$5::uuid[],$6::text[]) AS x(a,b,d))
INSERT INTO raw.event_log(id,command_id,aggroot_id,version,data)
SELECT a,b,g,v,d::jsonb
FROM unnest($7::uuid[],$4::uuid[],$5::uuid[],$8::bigint[],$9::text[]) AS x(a,b,g,v,d)";

pub(crate) async fn run(plan: &Plan, url: &str) {
    matrix("raw-pg-unnest-group-commit", "postgres", "on", plan, |_, _| bank(url)).await;
    let note = "1,000 accounts, states in the process, 64 commands in one UNNEST statement, one \
                connection, tight loop";
    repeat("limit", "pg_unnest_batch64", "commands/s", note, || batches(url)).await;
}

struct Writer {
    client: Client,
    statement: Statement,
    accounts: HashMap<Uuid, (Decimal, i64)>,
}

impl Writer {
    async fn new(url: &str) -> Self {
        let client = connect(url).await;
        client.batch_execute(SCHEMA).await.unwrap();
        let statement = client.prepare(UNNEST).await.unwrap();
        Self { client, statement, accounts: HashMap::new() }
    }

    async fn commit(&mut self, commands: &[(Uuid, BankCommand)]) {
        let (mut command_ids, mut event_ids, mut aggregate_ids) =
            (Vec::new(), Vec::new(), Vec::new());
        let (mut versions, mut rows, mut events) = (Vec::new(), Vec::new(), Vec::new());
        let mut touched = BTreeSet::new();
        for (id, command) in commands {
            let (balance, version) = self.accounts.entry(*id).or_default();
            let amount = match *command {
                BankCommand::Open(amount) | BankCommand::Deposit(amount) => {
                    *balance += amount;
                    amount
                }
                BankCommand::Withdraw(amount) => {
                    assert!(*balance >= amount, "the workload never empties an account");
                    *balance -= amount;
                    amount
                }
            };
            *version += 1;
            let mut row = deposit_command();
            (row.aggroot_id, row.amount) = (*id, amount);
            let mut event = event_record();
            (event.aggroot_id, event.command_id) = (*id, row.command_id);
            (event.amount, event.balance) = (amount, *balance);
            event.version = version.unsigned_abs();
            command_ids.push(row.command_id);
            event_ids.push(event.event_id);
            aggregate_ids.push(*id);
            versions.push(*version);
            rows.push(serde_json::to_string(&row).unwrap());
            events.push(serde_json::to_string(&event).unwrap());
            touched.insert(*id);
        }
        let ids: Vec<Uuid> = touched.into_iter().collect();
        let balances: Vec<Decimal> = ids.iter().map(|id| self.accounts[id].0).collect();
        let newest: Vec<i64> = ids.iter().map(|id| self.accounts[id].1).collect();
        let params: Params<'_, 9> = [
            &ids,
            &balances,
            &newest,
            &command_ids,
            &aggregate_ids,
            &rows,
            &event_ids,
            &versions,
            &events,
        ];
        self.client.execute(&self.statement, &params).await.unwrap();
    }
}

/// Starts a bank whose writer is a task. A thread forwards the jobs from the channel of
/// [`GroupBank`] to the task.
async fn bank(url: &str) -> GroupBank {
    let mut writer = Writer::new(url).await;
    let (jobs, waiting) = std::sync::mpsc::channel::<Job>();
    let (forward, mut forwarded) = tokio::sync::mpsc::unbounded_channel::<Job>();
    std::thread::spawn(move || {
        while let Ok(job) = waiting.recv() {
            if forward.send(job).is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move {
        let mut batch = Vec::with_capacity(MAX_BATCH_UNITS);
        while forwarded.recv_many(&mut batch, MAX_BATCH_UNITS).await > 0 {
            let commands: Vec<(Uuid, BankCommand)> =
                batch.iter().map(|job| (job.id, job.command)).collect();
            writer.commit(&commands).await;
            for job in batch.drain(..) {
                let _ = job.done.send(());
            }
        }
    });
    GroupBank { jobs, read: None }
}

async fn batches(url: &str) -> f64 {
    let mut writer = Writer::new(url).await;
    let open = BankCommand::Open(Decimal::from(OPENING));
    let opened: Vec<(Uuid, BankCommand)> =
        (0..1000).map(|index| (account_id(index), open)).collect();
    writer.commit(&opened).await;
    let mut rng = Rng::new(5);
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_millis(1500) {
        let commands: Vec<(Uuid, BankCommand)> = (0..64)
            .map(|_| (account_id(rng.below(1000) as usize), next_command(&mut rng)))
            .collect();
        writer.commit(&commands).await;
        count += 64;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}
