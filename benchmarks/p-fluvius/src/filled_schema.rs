//! PostgreSQL schemas with a given number of events, written by statements of the server and read
//! by fluvius.

use bench_common::{Bank, BankCommand, OPENING, account_id};
use fluvius_postgres::PostgresStore;
use rust_decimal::Decimal;
use tokio_postgres::{Client, NoTls};

use crate::bank::Typed;

/// The largest number of versions of all aggregates that one statement writes.
const VERSIONS_PER_STATEMENT: u64 = 100;

/// The comment of a schema that is complete. An interrupted program leaves a schema without it.
const COMPLETE: &str = "complete";

/// Keeps the rows of a deposit and of a withdrawal on account 0, with the time of the last event of
/// all accounts.
const MODELS: &str = "CREATE TEMP TABLE model AS
    SELECT e.version % 2 AS parity, c.command, c.payload, c.payload_hash, c.context_id, c.status,
        c.domain, c.revision AS domain_revision, e.event, e.revision, e.args, e.delta,
        (SELECT max(occurred_at) FROM event_log) AS occurred_at
    FROM event_log AS e JOIN command_log AS c ON c.id = e.command_id
    WHERE e.version IN (2, 3) AND e.identifier = $1";

/// Writes the versions from `$1` to `$2` of all accounts: deposits at even versions, withdrawals of
/// the same amount at odd ones. The position of a command is odd, and that of its event follows.
const VERSIONS: &str = "WITH account AS (
    SELECT identifier, row_number() OVER (ORDER BY identifier) - 1 AS number FROM resource_state
), unit AS (
    SELECT identifier, version,
        $3 + 2 * ((version - $1) * (SELECT count(*) FROM account) + number) AS base
    FROM generate_series($1::bigint, $2::bigint) AS version, account
), command AS (
    INSERT INTO command_log (position, id, domain, revision, command, resource, identifier,
        payload, payload_hash, context_id, status, received_at)
    SELECT base + 1, md5(base::text)::uuid, domain, domain_revision, command, 'bank-account',
        identifier, payload, payload_hash, context_id, status, occurred_at
    FROM unit JOIN model ON parity = version % 2
)
INSERT INTO event_log (position, id, domain, revision, event, resource, identifier, version,
    command_id, args, delta, occurred_at)
SELECT base + 2, md5('event ' || base)::uuid, domain, revision, event, 'bank-account', identifier,
    version, md5(base::text)::uuid, args,
    CASE WHEN version % 64 = 0 THEN $4 ELSE delta END, occurred_at
FROM unit JOIN model ON parity = version % 2";

/// Sets the states of all accounts to their last version.
const STATES: &str = "UPDATE resource_state AS s SET version = e.version, data = $2,
    etag = 'v' || e.version || '-' || replace(e.command_id::text, '-', ''),
    updated_at = e.occurred_at
FROM event_log AS e
WHERE e.identifier = s.identifier AND e.resource = s.resource AND e.version = $1";

/// Returns the name of a schema with this number of events on each of accounts 0, 1, ... If it does
/// not exist, it is made. All programs of a run use the same schema, which `run.sh` removes.
#[expect(clippy::expect_used, reason = "without its schema there is nothing to measure")]
pub(crate) async fn schema(url: &str, events: u64, accounts: u64) -> String {
    let name = format!("bench_filled_{}", events * accounts);
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    let comment = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = \
        $1";
    let found = client.query_opt(comment, &[&name]).await.expect("the schemas are read");
    let comment: Option<String> = found.and_then(|row| row.get(0));
    if comment.as_deref() != Some(COMPLETE) {
        let dropped = format!("DROP SCHEMA IF EXISTS {name} CASCADE");
        client.batch_execute(&dropped).await.expect("the rest of a schema is dropped");
        fill(&client, url, &name, events, accounts).await.expect("the schema is filled");
        let comment = format!("COMMENT ON SCHEMA {name} IS '{COMPLETE}'");
        client.batch_execute(&comment).await.expect("the schema is marked");
    }
    name
}

async fn fill(
    client: &Client,
    url: &str,
    name: &str,
    events: u64,
    accounts: u64,
) -> Result<(), Box<dyn std::error::Error>> {
    let store = PostgresStore::options().schema(name).open(url).await?;
    let bank = Typed::over(store).await?;
    client.batch_execute(&format!("SET search_path = {name}")).await?;
    let run = async |index: u64, command| {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        bank.run(account_id(index), command).await.map_err(|error| format!("{error:?}"))
    };
    let data = async || {
        let data = "SELECT data FROM resource_state WHERE identifier = $1";
        let row = client.query_one(data, &[&account_id(0)]).await?;
        Ok::<String, tokio_postgres::Error>(row.get(0))
    };
    // The state at even versions, and that at odd ones. All accounts have the same.
    let mut states = [String::new(), String::new()];
    for index in 0..accounts {
        run(index, BankCommand::Open(Decimal::from(OPENING))).await?;
        run(index, BankCommand::Deposit(Decimal::ONE)).await?;
        if index == 0 {
            states[0] = data().await?;
        }
        run(index, BankCommand::Withdraw(Decimal::ONE)).await?;
        if index == 0 {
            states[1] = data().await?;
        }
    }
    drop(bank);
    let models = MODELS.replace("$1", &format!("'{}'", account_id(0)));
    client.batch_execute(&models).await?;
    let mut position: i64 = client.query_one("SELECT last_value FROM position", &[]).await?.get(0);
    let snapshot = format!("{{\"snapshot\":{}}}", states[0]);
    let mut first = 4;
    while first <= events {
        let last = events.min(first + VERSIONS_PER_STATEMENT - 1);
        let (from, to) = (i64::try_from(first)?, i64::try_from(last)?);
        client.execute(VERSIONS, &[&from, &to, &position, &snapshot]).await?;
        position += 2 * i64::try_from((last + 1 - first) * accounts)?;
        first = last + 1;
    }
    let data = &states[usize::try_from(events % 2)?];
    client.execute(STATES, &[&i64::try_from(events)?, data]).await?;
    client.execute("SELECT setval('position', $1)", &[&position]).await?;
    client.batch_execute("ANALYZE").await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use fluvius_core::Store;
    use fluvius_core::verify::verify;
    use fluvius_core::{AggregateId, LogQuery};
    use fluvius_testing::servers::TestServer;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_filled_schema_is_one_that_the_store_accepts() {
        let Some(server) = TestServer::get() else { return };
        let (client, connection) = tokio_postgres::connect(server.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        // An earlier run may have failed.
        let drop_schema = "DROP SCHEMA IF EXISTS bench_filled_450 CASCADE";
        client.batch_execute(drop_schema).await.unwrap();
        let name = schema(server.url(), 150, 3).await;
        let store = PostgresStore::options().schema(&name).open(server.url()).await.unwrap();
        let verified = verify(&store).await.unwrap();
        assert!(verified.is_sound(), "{verified}");
        let log = store.read_log::<fluvius_core::EventRecord>(&LogQuery::all().limit(1_000)).await;
        assert_eq!(log.unwrap().rows.len(), 450);
        let aggregate_id = AggregateId::new("bank-account", account_id(2));
        assert_eq!(store.load(&aggregate_id).await.unwrap().unwrap().version, 150);
        // The program that comes next finds it complete, and a command continues it.
        assert_eq!(schema(server.url(), 150, 3).await, name);
        let bank = Typed::over(store).await.unwrap();
        bank.run(account_id(2), BankCommand::Withdraw(Decimal::ONE)).await.unwrap();
        assert_eq!(bank.balance(account_id(2)).await, Some(Decimal::from(OPENING)));
        drop(bank);
        client.batch_execute(drop_schema).await.unwrap();
    }
}
