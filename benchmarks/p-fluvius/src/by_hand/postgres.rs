//! The bank in PostgreSQL: one task takes what is waiting, runs the rule on the accounts that it has in memory, and sends
//! a transaction as one pipeline over one connection.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use bench_common::{Bank, BankCommand, BankError, Uuid};
use rust_decimal::Decimal;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, NoTls, Statement};

use super::command::{Account, BATCH_COUNT_MAX, Fate, Job, change, decide, job};

const UPDATE: &str = "
WITH written AS (
    UPDATE resource_state AS s SET version = n.version, etag = n.etag, data = n.data, updated = n.updated
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[])
        AS n (identifier, before, version, etag, data, updated)
    WHERE s.resource = 'bank-account' AND s.identifier = n.identifier AND s.version = n.before
    RETURNING 1)
SELECT 1 / (count(*) = cardinality($1::uuid[]))::int FROM written";

const INSERT: &str = "
INSERT INTO resource_state (resource, identifier, version, etag, revision, data, created, updated)
SELECT 'bank-account', identifier, version, etag, 1, data, created, updated
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
    AS n (identifier, version, etag, data, created, updated)";

/// The lock under which the store draws positions.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))";

const DRAW: &str = "SELECT setval('position', nextval('position') + $1::bigint - 1)";

const COMMANDS: &str = "
INSERT INTO command_log
SELECT currval('position') - $1::bigint + position, id, NULL, 'transaction-manager', 1, command, 'bank-account',
    identifier, payload, payload_hash, $2::uuid, status, code, response, received
FROM unnest($3::bigint[], $4::uuid[], $5::text[], $6::uuid[], $7::text[], $8::bytea[], $9::text[], $10::text[],
    $11::text[], $12::timestamptz[])
    AS c (position, id, command, identifier, payload, payload_hash, status, code, response, received)";

const EVENTS: &str = "
INSERT INTO event_log
SELECT currval('position') - $1::bigint + position, id, 'transaction-manager', 1, event, 'bank-account', identifier,
    version, src_cmd, args, NULL, change, occurred
FROM unnest($2::bigint[], $3::uuid[], $4::text[], $5::uuid[], $6::bigint[], $7::uuid[], $8::text[], $9::text[],
    $10::timestamptz[])
    AS e (position, id, event, identifier, version, src_cmd, args, change, occurred)";

const CONTEXT: &str = "
INSERT INTO context_log (id, domain, revision, transport, source, headers, roles)
VALUES ($1, 'transaction-manager', 1, 'in-process', 'benchmark', '{}', '[]')";

/// A bank whose commands are written by one task.
pub(crate) struct ByHand {
    jobs: mpsc::UnboundedSender<Job>,
    reader: Client,
}

impl ByHand {
    /// Opens the bank in a schema that the store has made.
    pub(crate) async fn open(url: &str, schema: &str) -> Result<Self, Error> {
        let (jobs, mut waiting) = mpsc::unbounded_channel();
        let mut writer = Writer::open(url, schema).await?;
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH_COUNT_MAX);
            while waiting.recv_many(&mut batch, BATCH_COUNT_MAX).await > 0 {
                let fates = writer.commit(&batch).await;
                for (job, fate) in batch.drain(..).zip(fates) {
                    job.answer(fate);
                }
            }
        });
        Ok(Self { jobs, reader: connect(url, schema).await? })
    }
}

impl Bank for ByHand {
    async fn run(&self, account: Uuid, command: BankCommand) -> Result<(), BankError> {
        let (done, answer) = oneshot::channel();
        self.jobs.send(job(account, command, Some(done))?).map_err(BankError::other)?;
        match answer.await.map_err(BankError::other)? {
            Fate::Applied => Ok(()),
            Fate::Rejected => Err(BankError::Rejected),
            fate => Err(BankError::other(format!("{fate:?}"))),
        }
    }

    async fn balance(&self, account: Uuid) -> Option<Decimal> {
        let sql = "SELECT data FROM resource_state WHERE identifier = $1";
        let data: String = self.reader.query_one(sql, &[&account]).await.ok()?.get(0);
        Some(serde_json::from_str::<Account>(&data).ok()?.balance)
    }
}

async fn connect(url: &str, schema: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(&format!("SET search_path = \"{schema}\"")).await?;
    Ok(client)
}

/// The connection at work, and the accounts as they are stored.
struct Writer {
    client: Client,
    update: Statement,
    insert: Statement,
    lock: Statement,
    draw: Statement,
    commands: Statement,
    events: Statement,
    context: Uuid,
    accounts: HashMap<Uuid, Stored>,
}

/// An account, and its version and time.
#[derive(Clone)]
struct Stored {
    version: i64,
    created: SystemTime,
    updated: SystemTime,
    etag: String,
    data: String,
    account: Account,
}

impl Writer {
    async fn open(url: &str, schema: &str) -> Result<Self, Error> {
        let client = connect(url, schema).await?;
        let context = Uuid::now_v7();
        client.execute(CONTEXT, &[&context]).await?;
        Ok(Self {
            update: client.prepare(UPDATE).await?,
            insert: client.prepare(INSERT).await?,
            lock: client.prepare(LOCK).await?,
            draw: client.prepare(DRAW).await?,
            commands: client.prepare(COMMANDS).await?,
            events: client.prepare(EVENTS).await?,
            context,
            accounts: HashMap::new(),
            client,
        })
    }

    /// Writes commands in one transaction, and tells what became of each.
    async fn commit(&mut self, batch: &[Job]) -> Vec<Fate> {
        let rows = Rows::of(batch, &self.accounts);
        match self.write(&rows).await {
            Ok(()) => {
                self.accounts.extend(rows.changed);
                rows.fates
            }
            Err(error) => {
                let _ = self.client.batch_execute("ROLLBACK").await;
                batch.iter().map(|_| Fate::Failed(error.to_string())).collect()
            }
        }
    }

    async fn write(&self, rows: &Rows) -> Result<(), Error> {
        let (mut old, mut new) = (States::default(), States::default());
        for (id, stored) in &rows.changed {
            match self.accounts.get(id) {
                Some(before) => old.push(*id, before.version, stored),
                None => new.push(*id, 0, stored),
            }
        }
        let Rows { commands, events, count, .. } = rows;
        let client = &self.client;
        let updated: [&(dyn ToSql + Sync); 6] =
            [&old.ids, &old.before, &old.versions, &old.etags, &old.data, &old.updated];
        let inserted: [&(dyn ToSql + Sync); 6] =
            [&new.ids, &new.versions, &new.etags, &new.data, &new.created, &new.updated];
        let logged: [&(dyn ToSql + Sync); 12] = [
            count,
            &self.context,
            &commands.positions,
            &commands.ids,
            &commands.names,
            &commands.accounts,
            &commands.payloads,
            &commands.hashes,
            &commands.statuses,
            &commands.codes,
            &commands.responses,
            &commands.received,
        ];
        let happened: [&(dyn ToSql + Sync); 10] = [
            count,
            &events.positions,
            &events.ids,
            &events.names,
            &events.accounts,
            &events.versions,
            &events.commands,
            &events.args,
            &events.changes,
            &events.occurred,
        ];
        let drawn: [&(dyn ToSql + Sync); 1] = [count];
        // All of it is under way before the first answer comes back.
        let sent = tokio::join!(
            client.batch_execute("BEGIN"),
            client.query(&self.update, &updated),
            async {
                match new.ids.is_empty() {
                    true => Ok(0),
                    false => client.execute(&self.insert, &inserted).await,
                }
            },
            client.query(&self.lock, &[]),
            client.query(&self.draw, &drawn),
            client.execute(&self.commands, &logged),
            client.execute(&self.events, &happened),
            client.batch_execute("COMMIT"),
        );
        sent.1?;
        sent.2?;
        sent.5?;
        sent.6?;
        sent.7
    }
}

/// What a batch writes.
#[derive(Default)]
struct Rows {
    fates: Vec<Fate>,
    changed: BTreeMap<Uuid, Stored>,
    commands: Commands,
    events: Events,
    /// How many positions it takes.
    count: i64,
}

#[derive(Default)]
struct Commands {
    positions: Vec<i64>,
    ids: Vec<Uuid>,
    names: Vec<&'static str>,
    accounts: Vec<Uuid>,
    payloads: Vec<String>,
    hashes: Vec<Vec<u8>>,
    statuses: Vec<&'static str>,
    codes: Vec<Option<&'static str>>,
    responses: Vec<Option<&'static str>>,
    received: Vec<SystemTime>,
}

#[derive(Default)]
struct Events {
    positions: Vec<i64>,
    ids: Vec<Uuid>,
    names: Vec<&'static str>,
    accounts: Vec<Uuid>,
    versions: Vec<i64>,
    commands: Vec<Uuid>,
    args: Vec<String>,
    changes: Vec<String>,
    occurred: Vec<SystemTime>,
}

#[derive(Default)]
struct States {
    ids: Vec<Uuid>,
    before: Vec<i64>,
    versions: Vec<i64>,
    etags: Vec<String>,
    data: Vec<String>,
    created: Vec<SystemTime>,
    updated: Vec<SystemTime>,
}

impl States {
    fn push(&mut self, id: Uuid, before: i64, stored: &Stored) {
        self.ids.push(id);
        self.before.push(before);
        self.versions.push(stored.version);
        self.etags.push(stored.etag.clone());
        self.data.push(stored.data.clone());
        self.created.push(stored.created);
        self.updated.push(stored.updated);
    }
}

impl Rows {
    fn of(batch: &[Job], accounts: &HashMap<Uuid, Stored>) -> Self {
        let mut rows = Self::default();
        for job in batch {
            rows.add(job, accounts);
        }
        rows
    }

    fn add(&mut self, job: &Job, accounts: &HashMap<Uuid, Stored>) {
        let stored = self.changed.get(&job.account).or_else(|| accounts.get(&job.account));
        let decided = decide(job.command, stored.map(|stored| &stored.account));
        let (command, event) = match job.command {
            BankCommand::Open(_) => ("open-account", "account-opened"),
            BankCommand::Deposit(_) => ("deposit-money", "money-deposited"),
            BankCommand::Withdraw(_) => ("withdraw-money", "money-withdrawn"),
        };
        let received = SystemTime::UNIX_EPOCH + Duration::from_micros(job.received.unsigned_abs());
        self.count += 1;
        let commands = &mut self.commands;
        commands.positions.push(self.count);
        commands.ids.push(job.id);
        commands.names.push(command);
        commands.accounts.push(job.account);
        commands.payloads.push(job.payload.clone());
        commands.hashes.push(job.payload_hash.to_vec());
        commands.received.push(received);
        let account = match decided {
            Ok(account) => {
                commands.statuses.push("applied");
                commands.codes.push(None);
                commands.responses.push(None);
                self.fates.push(Fate::Applied);
                account
            }
            Err(refused) => {
                commands.statuses.push("rejected");
                commands.codes.push(Some(refused.code));
                commands.responses.push(Some(refused.response));
                self.fates.push(Fate::Rejected);
                return;
            }
        };
        let before = stored.map_or(0, |stored| stored.version);
        let occurred = stored.map_or(received, |stored| stored.updated.max(received));
        let created = stored.map_or(received, |stored| stored.created);
        let data = serde_json::to_string(&account).unwrap_or_default();
        self.count += 1;
        let events = &mut self.events;
        events.positions.push(self.count);
        events.ids.push(Uuid::from_u128(job.id.as_u128() ^ 1));
        events.names.push(event);
        events.accounts.push(job.account);
        events.versions.push(before + 1);
        events.commands.push(job.id);
        events.args.push(job.args.clone().unwrap_or_else(|| job.payload.clone()));
        events.changes.push(change(before, &account, &data));
        events.occurred.push(occurred);
        let etag = format!("v{}-{}", before + 1, job.id.simple());
        let stored =
            Stored { version: before + 1, created, updated: occurred, etag, data, account };
        self.changed.insert(job.account, stored);
    }
}

#[cfg(test)]
mod tests {
    use bench_common::{account_id, pg_url};
    use fluvius_core::verify::verify;

    use super::*;
    use crate::bank::Typed;
    use crate::postgres::fresh_schema;

    /// All rows, without what differs from run to run.
    const ROWS: [&str; 3] = [
        "SELECT position::text, domain, revision::text, command, resource, identifier::text, payload, \
         encode(payload_hash, 'hex'), status, code, response FROM command_log ORDER BY position",
        "SELECT position::text, domain, revision::text, event, resource, identifier::text, version::text, args, data, \
         change FROM event_log ORDER BY position",
        "SELECT resource, identifier::text, version::text, revision::text, data, creator::text, updater::text, \
         deleted::text, realm FROM resource_state ORDER BY identifier",
    ];

    async fn work(bank: &impl Bank) {
        for index in 0..3 {
            bank.run(account_id(index), BankCommand::Open(Decimal::from(50))).await.unwrap();
        }
        for cents in 1..=200 {
            let command = BankCommand::Deposit(Decimal::new(cents, 2));
            bank.run(account_id(usize::from(cents % 5 == 0)), command).await.unwrap();
        }
        let refused = bank.run(account_id(2), BankCommand::Withdraw(Decimal::from(51))).await;
        assert!(matches!(refused, Err(BankError::Rejected)));
    }

    async fn rows(url: &str, schema: &str) -> Vec<Vec<Option<String>>> {
        let client = connect(url, schema).await.unwrap();
        let mut found = Vec::new();
        for sql in ROWS {
            for row in client.query(sql, &[]).await.unwrap() {
                found.push((0..row.len()).map(|column| row.get(column)).collect());
            }
        }
        found
    }

    #[tokio::test]
    async fn the_rows_are_those_of_the_store() {
        let Some(url) = pg_url() else { return eprintln!("skipped: BENCH_PG_URL names no server") };
        let store = fresh_schema(&url, "bench_rows").await;
        work(&Typed::over(store).await.unwrap()).await;
        let of_store = rows(&url, "bench_rows").await;
        let store = fresh_schema(&url, "bench_by_hand").await;
        work(&ByHand::open(&url, "bench_by_hand").await.unwrap()).await;
        assert_eq!(rows(&url, "bench_by_hand").await, of_store);
        assert!(verify(&store).await.unwrap().is_sound());
    }
}
