//! Kills: a request that is sent again with its key has one effect, whatever happened to the first.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use crate::process::{Answer, Bank, get, post};

/// Number of kills.
const KILLS: usize = 8;
/// Number of clients, each of which sends one request after the other.
const CLIENTS: usize = 8;
/// Number of acknowledged requests after which a kill may come.
const ACKNOWLEDGED: usize = 100;

/// A request, by its key.
#[derive(Debug, Clone)]
struct Request {
    path: String,
    body: String,
    /// The amount that it adds to the bank, once.
    amount: Decimal,
    /// The first complete answer.
    answer: Option<Answer>,
    /// Set once it was sent again.
    is_retried: bool,
}

#[test]
fn retried_requests_have_one_effect_over_kills() {
    let folder = tempfile::tempdir().unwrap();
    let requests: Mutex<HashMap<String, Request>> = Mutex::default();
    let mut bank = Bank::start(folder.path());
    let mut unanswered = 0;
    for round in 0..KILLS {
        let address = bank.address;
        let is_over = AtomicBool::new(false);
        let before = answered(&requests);
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (requests, is_over) = (&requests, &is_over);
                scope.spawn(move || {
                    let mut sent = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        send_new(address, requests, client + sent);
                        sent += 1;
                    }
                });
            }
            while answered(&requests) < before + ACKNOWLEDGED {
                std::thread::sleep(Duration::from_millis(1));
            }
            // Somewhere in the middle of the next requests.
            std::thread::sleep(Duration::from_micros(317 * round as u64));
            bank.kill();
            is_over.store(true, Ordering::Relaxed);
        });
        bank = Bank::start(folder.path());
        unanswered += retry_all(&bank, &requests);
    }
    assert!(unanswered > 0, "no kill met a request in flight");

    let requests = requests.into_inner().unwrap();
    let expected: Decimal = requests.values().map(|request| request.amount).sum();
    let (accounts, balance) = totals(&bank);
    let opened = requests.values().filter(|request| request.path == "open-account").count();
    assert_eq!((accounts, balance), (opened, expected));
}

fn answered(requests: &Mutex<HashMap<String, Request>>) -> usize {
    requests.lock().unwrap().values().filter(|request| request.answer.is_some()).count()
}

/// Sends a new request: opens an account, or deposits into one that is open.
fn send_new(
    address: std::net::SocketAddr,
    requests: &Mutex<HashMap<String, Request>>,
    number: usize,
) {
    let key = Uuid::new_v4().to_string();
    let account = {
        let requests = requests.lock().unwrap();
        let mut open = requests.values().filter_map(|request| {
            let body: Value = serde_json::from_str(&request.answer.as_ref()?.body).ok()?;
            (request.path == "open-account")
                .then(|| body["identifier"].as_str().map(str::to_owned))?
        });
        open.next().filter(|_| !number.is_multiple_of(4))
    };
    let request = match account {
        Some(account) => Request {
            path: format!("{account}/deposit-money"),
            body: r#"{"amount":"3"}"#.to_owned(),
            amount: Decimal::from(3),
            answer: None,
            is_retried: false,
        },
        None => Request {
            path: "open-account".to_owned(),
            body: r#"{"account_number":"7","owner_name":"Ada","initial_deposit":"5"}"#.to_owned(),
            amount: Decimal::from(5),
            answer: None,
            is_retried: false,
        },
    };
    let (path, body) = (request.path.clone(), request.body.clone());
    requests.lock().unwrap().insert(key.clone(), request);
    let answer = post(address, &path, Some(&key), &body);
    if let Some(answer) = answer.filter(|answer| answer.status < 300) {
        requests.lock().unwrap().get_mut(&key).unwrap().answer = Some(answer);
    }
}

/// Sends each request of the last round again with its key. Returns the number of those that had no
/// answer.
fn retry_all(bank: &Bank, requests: &Mutex<HashMap<String, Request>>) -> usize {
    let mut requests = requests.lock().unwrap();
    let mut unanswered = 0;
    for (key, request) in requests.iter_mut().filter(|(_, request)| !request.is_retried) {
        request.is_retried = true;
        let again = post(bank.address, &request.path, Some(key), &request.body).unwrap();
        assert!(again.status < 300, "{again:?}");
        match &request.answer {
            Some(first) => {
                assert_eq!(again.body, first.body);
                assert!(again.head.contains("idempotent-replayed: true"), "{}", again.head);
            }
            None => {
                unanswered += 1;
                request.answer = Some(again);
            }
        }
    }
    unanswered
}

/// Returns the number of accounts and the sum of their balances.
fn totals(bank: &Bank) -> (usize, Decimal) {
    let (mut count, mut sum) = (0, Decimal::ZERO);
    let mut path = "?limit=500".to_owned();
    loop {
        let page: Value = serde_json::from_str(&get(bank.address, &path).unwrap().body).unwrap();
        let rows = page["rows"].as_array().unwrap();
        count += rows.len();
        sum += rows
            .iter()
            .map(|row| row["data"]["balance"].as_str().unwrap().parse::<Decimal>().unwrap())
            .sum::<Decimal>();
        match page["next"].as_str() {
            Some(next) => path = format!("?limit=500&cursor={next}"),
            None => return (count, sum),
        }
    }
}
