//! The load generator: clients in a closed loop, each with a keep-alive connection, on one thread.
//!
//! A generator of its own, since each request needs another key: oha 1.16 has constant headers
//! (`-H`) only, and wrk reports no deposits to compare with the balances.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench_common::{OPENING, Rng, account_id};
use rust_decimal::Decimal;
use serde::Deserialize;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::connection::{Answer, Connection};
use crate::ledger::Ledger;
use crate::system::Fault;

/// The parameters of a load.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) port: u16,
    pub(crate) accounts: usize,
    pub(crate) clients: usize,
    pub(crate) warm_up: Duration,
    pub(crate) time: Duration,
    /// Set if each request has the etag of the account in `If-Match`. Each client has accounts of
    /// its own then.
    pub(crate) has_if_match: bool,
    /// The tokens of the clients in turn; empty if the server has no authenticator.
    pub(crate) tokens: Arc<Vec<String>>,
}

/// The results of clients.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The times of the requests that were answered within the measured time.
    pub(crate) latencies_ns: Vec<u64>,
    /// The acknowledged deposits, those of the warm-up included.
    pub(crate) ledger: Ledger,
    /// The number of answers by status, other than 200.
    pub(crate) refused: BTreeMap<u16, u64>,
    /// The number of repeated requests whose answers differ from the first ones.
    pub(crate) replays_differing: u64,
}

impl Sent {
    fn new(accounts: usize) -> Self {
        Self {
            latencies_ns: Vec::new(),
            ledger: Ledger::new(accounts),
            refused: BTreeMap::new(),
            replays_differing: 0,
        }
    }

    fn merge(&mut self, other: Self) {
        self.latencies_ns.extend(other.latencies_ns);
        self.ledger.merge(&other.ledger);
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
        self.replays_differing += other.replays_differing;
    }
}

/// The path of a bank account.
struct Account(usize);

impl std::fmt::Display for Account {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "/transaction-manager/bank-account/{}", account_id(self.0))
    }
}

impl Load {
    /// Opens the accounts.
    ///
    /// # Errors
    /// An opening that is not answered with 201.
    pub(crate) async fn open_accounts(&self) -> Result<(), Fault> {
        let mut clients = JoinSet::new();
        for client in 0..self.clients {
            let load = self.clone();
            clients.spawn(async move {
                let mut connection = Connection::open(load.port).await?;
                for account in (client..load.accounts).step_by(load.clients) {
                    let body = format!(
                        r#"{{"account_number":"0123456789","owner_name":"Ada Lovelace","initial_deposit":"{OPENING}"}}"#
                    );
                    let path = format!("{}/open-account", Account(account));
                    let headers = load.authorization(client);
                    load.post(&mut connection.request, &path, &headers, &body);
                    let Answer { status, body } = connection.send().await?;
                    if status != 201 {
                        let text = String::from_utf8_lossy(body);
                        return Err(format!("an opening is answered with {status}: {text}").into());
                    }
                }
                Ok::<(), Fault>(())
            });
        }
        while let Some(opened) = clients.join_next().await {
            opened??;
        }
        Ok(())
    }

    /// Sends deposits for the warm-up and the measured time. `at` is called at the begin and at the
    /// end of the latter.
    ///
    /// # Errors
    /// A connection that fails.
    pub(crate) async fn run(&self, mut at: impl FnMut()) -> Result<Sent, Fault> {
        let begin = Instant::now() + self.warm_up;
        let mut clients = JoinSet::new();
        for client in 0..self.clients {
            clients.spawn(self.clone().client(client, begin));
        }
        for edge in [begin, begin + self.time] {
            tokio::time::sleep_until(edge.into()).await;
            at();
        }
        let mut sent = Sent::new(self.accounts);
        while let Some(of_client) = clients.join_next().await {
            sent.merge(of_client??);
        }
        sent.latencies_ns.sort_unstable();
        Ok(sent)
    }

    async fn client(self, client: usize, begin: Instant) -> Result<Sent, Fault> {
        let mut connection = Connection::open(self.port).await?;
        let mut rng = Rng::new(client as u64 + 1);
        let mut sent = Sent::new(self.accounts);
        let mut etags: BTreeMap<usize, String> = BTreeMap::new();
        let end = begin + self.time;
        let authorization = self.authorization(client);
        let last = loop {
            let account = self.draw_account(client, &mut rng);
            let cents = i64::from(rng.below(10_000)) + 1;
            let mut headers = format!("{authorization}idempotency-key: {}\r\n", Uuid::new_v4());
            if self.has_if_match {
                let etag = match etags.remove(&account) {
                    Some(etag) => etag,
                    None => etag_of(&self.read(&mut connection, account).await?)?,
                };
                headers.push_str(&format!("if-match: \"{etag}\"\r\n"));
            }
            let path = format!("{}/deposit-money", Account(account));
            let body = format!(r#"{{"amount":"{}"}}"#, Decimal::new(cents, 2));
            self.post(&mut connection.request, &path, &headers, &body);
            let begun = Instant::now();
            let Answer { status, body } = connection.send().await?;
            let answered = Instant::now();
            if status == 200 {
                sent.ledger.add(account, cents);
                if self.has_if_match {
                    etags.insert(account, etag_of(body)?);
                }
                if (begin..end).contains(&answered) {
                    let latency = answered.duration_since(begun).as_nanos();
                    sent.latencies_ns.push(u64::try_from(latency).unwrap_or(u64::MAX));
                }
            } else {
                *sent.refused.entry(status).or_default() += 1;
            }
            if answered >= end {
                break (status == 200).then(|| body.to_vec());
            }
        };
        // The same request once more: it must get the same answer, and change no balance.
        if let Some(first) = last
            && !self.has_if_match
        {
            let Answer { status, body } = connection.send().await?;
            sent.replays_differing += u64::from(status != 200 || body != first);
        }
        Ok(sent)
    }

    fn draw_account(&self, client: usize, rng: &mut Rng) -> usize {
        let accounts = u32::try_from(self.accounts).unwrap_or(u32::MAX);
        match self.has_if_match {
            false => rng.below(accounts) as usize,
            true => {
                let own = self.accounts.saturating_sub(client).div_ceil(self.clients).max(1);
                let drawn = rng.below(u32::try_from(own).unwrap_or(u32::MAX)) as usize;
                client + drawn * self.clients
            }
        }
    }

    /// Reads the balances and the versions of all accounts.
    ///
    /// # Errors
    /// An account that cannot be read.
    pub(crate) async fn read_accounts(&self) -> Result<Vec<(Decimal, u64)>, Fault> {
        #[derive(Deserialize)]
        struct Stored {
            version: u64,
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            balance: Decimal,
        }
        let mut connection = Connection::open(self.port).await?;
        let mut stored = Vec::new();
        for account in 0..self.accounts {
            let body = self.read(&mut connection, account).await?;
            let Stored { version, data } = serde_json::from_slice(&body)?;
            stored.push((data.balance, version));
        }
        Ok(stored)
    }

    async fn read(&self, connection: &mut Connection, account: usize) -> Result<Vec<u8>, Fault> {
        connection.request.clear();
        let (port, authorization) = (self.port, self.authorization(0));
        let head = format!(
            "GET {} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{authorization}\r\n",
            Account(account)
        );
        connection.request.extend_from_slice(head.as_bytes());
        match connection.send().await? {
            Answer { status: 200, body } => Ok(body.to_vec()),
            Answer { status, .. } => Err(format!("a read is answered with {status}").into()),
        }
    }

    /// Returns the header with the token of a client.
    fn authorization(&self, client: usize) -> String {
        let token = self.tokens.iter().cycle().nth(client % self.tokens.len().max(1));
        token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default()
    }

    /// Writes a request. Each of `headers` ends with a line break.
    fn post(&self, to: &mut Vec<u8>, path: &str, headers: &str, body: &str) {
        to.clear();
        // Writing to a vector does not fail.
        let _ = write!(
            to,
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: application/json\r\n\
             {headers}content-length: {}\r\n\r\n{body}",
            self.port,
            body.len(),
        );
    }
}

/// Returns the etag in the body of an answer.
fn etag_of(body: &[u8]) -> Result<String, Fault> {
    #[derive(Deserialize)]
    struct Tagged {
        etag: String,
    }
    Ok(serde_json::from_slice::<Tagged>(body)?.etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_with_if_match_share_no_account() {
        let mut owners = BTreeMap::new();
        let (port, time) = (0, Duration::ZERO);
        let load = Load {
            port,
            accounts: 1_000,
            clients: 64,
            warm_up: time,
            time,
            has_if_match: true,
            tokens: Arc::default(),
        };
        for client in 0..load.clients {
            let mut rng = Rng::new(client as u64 + 1);
            for _ in 0..1_000 {
                let account = load.draw_account(client, &mut rng);
                assert_eq!(*owners.entry(account).or_insert(client), client);
            }
        }
        assert_eq!(owners.keys().next_back(), Some(&999));
    }
}
