//! A client that reaches the bank over HTTP. It outlives the servers, and sends a request without
//! an answer again with its key.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fluvius_core::{CommandBundle, DomainContext, Session, idempotency};
use fluvius_testing::SeededRng;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::history::{Balance, Client, Entry, ObservedState, Outcome, Recorder, Request};
use crate::requests::RequestMix;

/// The namespace of the domain under check.
const DOMAIN: &str = "linked-bank";

/// Probability in thousandths that a client gives up a request whose connection has ended.
const GIVE_UP_PER_MILLE: u64 = 300;

/// Probability in thousandths that a client sends an answered request again.
const REPEAT_PER_MILLE: u64 = 100;

/// Pause after a server that cannot be reached, or cannot reach its store.
const PAUSE: Duration = Duration::from_millis(5);

/// A planted fault of the clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientMutant {
    /// A request that is sent again has another key.
    NewKey,
}

/// State that all clients share.
#[derive(Debug)]
pub struct Shared {
    /// The addresses of the servers that run.
    pub servers: Mutex<Vec<SocketAddr>>,
    pub next_client: AtomicU64,
    pub stop: AtomicBool,
    pub recorder: Recorder,
    pub mutant: Option<ClientMutant>,
    /// Number of requests that were sent again with their key.
    pub retries: AtomicU64,
    /// Number of answers that were a replay.
    pub replays: AtomicU64,
    /// The first answer that breaks the contract of the API.
    pub fault: Mutex<Option<String>>,
}

pub struct HttpClient {
    shared: Arc<Shared>,
    number: Client,
    /// Creates commands; nothing is sent over it.
    session: Session,
    rng: SeededRng,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// An answer as it was received.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    is_replayed: bool,
    body: Bytes,
}

impl HttpClient {
    pub fn new(shared: Arc<Shared>, session: Session, seed: u64) -> Self {
        let number = shared.next_client.fetch_add(1, Ordering::Relaxed);
        Self { shared, number, session, rng: SeededRng::new(seed), connection: None }
    }

    /// Sends one request after the other until it is stopped.
    pub async fn run(mut self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            let done = match RequestMix::Bank.next(&self.session, &mut self.rng) {
                Request::Send(command) => self.send(command).await,
                Request::Snapshot(_) => self.list().await,
            };
            if let Err(fault) = done {
                self.shared.fault.lock().unwrap().get_or_insert(fault);
                self.shared.stop.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Sends a command under a key until an answer comes, or gives it up.
    async fn send(&mut self, mut command: CommandBundle) -> Result<(), String> {
        // Senders without an identity have UUIDs as keys.
        let mut key = command.id;
        let context = DomainContext::create("client");
        command.id = idempotency::command_id(DOMAIN, &context, &key.to_string());
        self.shared.recorder.add(Entry::Invoke(self.number, Request::Send(command.clone())));
        let mut is_retry = false;
        let answer = loop {
            if is_retry {
                self.shared.retries.fetch_add(1, Ordering::Relaxed);
                if self.shared.mutant == Some(ClientMutant::NewKey) {
                    key = Uuid::from_u128(key.as_u128() ^ 1);
                }
            }
            match self.post(&command, key).await {
                Some(answer) if answer.status == StatusCode::GATEWAY_TIMEOUT => {}
                Some(answer) => break answer,
                None if self.rng.happens(GIVE_UP_PER_MILLE) => {
                    // The request stays open, so this client sends nothing more.
                    self.number = self.shared.next_client.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                None => {}
            }
            is_retry = true;
        };
        if answer.is_replayed && !is_retry {
            return Err(format!("the first answer to {command:?} is a replay: {answer:?}"));
        }
        self.shared.replays.fetch_add(u64::from(answer.is_replayed), Ordering::Relaxed);
        let outcome = outcome(&answer)?;
        self.shared.recorder.add(Entry::Return(self.number, outcome.clone()));
        if outcome.is_unavailable() {
            tokio::time::sleep(PAUSE).await;
        }
        if outcome.is_recorded()
            && self.rng.happens(REPEAT_PER_MILLE)
            && let Some(again) = self.post(&command, key).await
            && !matches!(again.status.as_u16(), 503 | 504)
            && (again.status != answer.status || again.body != answer.body || !again.is_replayed)
        {
            return Err(format!("two answers to {command:?}: {answer:?} and {again:?}"));
        }
        Ok(())
    }

    /// Reads all bank accounts: one page shows them at one moment.
    async fn list(&mut self) -> Result<(), String> {
        let accounts: Vec<_> = RequestMix::Bank
            .aggregate_ids()
            .into_iter()
            .filter(|aggregate_id| aggregate_id.resource == "bank-account")
            .collect();
        let request = Request::Snapshot(accounts.clone());
        self.shared.recorder.add(Entry::Invoke(self.number, request));
        let path = format!("/{DOMAIN}/bank-account?limit=500");
        let answer = loop {
            if let Some(answer) = self.request(Method::GET, &path, None, Bytes::new()).await {
                break answer;
            }
        };
        let outcome = if answer.status == StatusCode::OK {
            let page: Value = serde_json::from_slice(&answer.body).unwrap();
            if !page["next"].is_null() {
                return Err(format!("the only page of {path} has a next one: {page}"));
            }
            let rows = page["rows"].as_array().unwrap();
            let row = |id: &str| rows.iter().find(|row| row["identifier"] == id).map(observed);
            Outcome::Rows(accounts.iter().map(|account| row(&account.id.to_string())).collect())
        } else {
            outcome(&answer)?
        };
        self.shared.recorder.add(Entry::Return(self.number, outcome));
        Ok(())
    }

    async fn post(&mut self, command: &CommandBundle, key: Uuid) -> Option<Answer> {
        let aggregate_id = &command.aggregate_id;
        let (resource, id) = (&aggregate_id.resource, aggregate_id.id);
        let path = format!("/{DOMAIN}/{resource}/{id}/{}", command.command);
        let body = command.payload.to_value().to_string().into();
        self.request(Method::POST, &path, Some(key), body).await
    }

    /// Sends a request to a server that runs. Returns `None` if the connection ended before the
    /// answer was complete, or there was none.
    async fn request(
        &mut self,
        method: Method,
        path: &str,
        key: Option<Uuid>,
        body: Bytes,
    ) -> Option<Answer> {
        let mut request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1")
            .header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key.to_string());
        }
        let request = request.body(Full::new(body)).unwrap();
        let answer = async {
            let response = self.connection().await?.send_request(request).await.ok()?;
            let (head, body) = response.into_parts();
            let is_replayed = head.headers.contains_key("idempotent-replayed");
            let body = body.collect().await.ok()?.to_bytes();
            Some(Answer { status: head.status, is_replayed, body })
        };
        let answer = answer.await;
        if answer.is_none() {
            self.connection = None;
            tokio::time::sleep(PAUSE).await;
        }
        answer
    }

    async fn connection(&mut self) -> Option<&mut SendRequest<Full<Bytes>>> {
        // Sometimes a new one, so that each client uses all servers.
        if self.connection.is_none() || self.rng.happens(50) {
            let address = *self.rng.pick(&self.shared.servers.lock().unwrap());
            let stream = TcpStream::connect(address).await.ok()?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
            tokio::spawn(connection);
            self.connection = Some(sender);
        }
        let connection = self.connection.as_mut()?;
        connection.ready().await.ok()?;
        Some(connection)
    }
}

fn observed(row: &Value) -> ObservedState {
    let state: Balance = serde_json::from_value(row["data"].clone()).unwrap();
    ObservedState { version: row["version"].as_u64().unwrap(), balance: state.balance }
}

/// Returns the outcome that an answer tells.
fn outcome(answer: &Answer) -> Result<Outcome, String> {
    let body: Value = serde_json::from_slice(&answer.body)
        .map_err(|error| format!("{error}: {} {:?}", answer.status, answer.body))?;
    if answer.status.is_success() {
        let aggregate_id =
            json!({ "resource": body["resource"], "identifier": body["identifier"] });
        let applied = json!({
            "command_id": body["command_id"],
            "aggregate_id": aggregate_id,
            "version": body["version"],
            "data": body["data"],
        });
        return Ok(Outcome::Applied(applied.to_string()));
    }
    let text = |member: &str| body[member].as_str().map(str::to_owned);
    let code = text("code").ok_or_else(|| format!("a problem without a code: {body}"))?;
    match answer.status.as_u16() {
        404 | 409 if code != "conflict" => Ok(Outcome::Rejected {
            code: text("rejection").unwrap_or(code),
            message: text("detail").unwrap_or_default(),
        }),
        409 | 503 => Ok(Outcome::Failed { code }),
        _ => Err(format!("unexpected answer {}: {body}", answer.status)),
    }
}
