//! Key sets of a server or a file over time.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::super::fixture::{Signer, key_set};
use super::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// A server that gives the same answer to each request, and counts them.
struct KeyServer {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    requests: Arc<AtomicUsize>,
}

impl KeyServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, requests) = (Arc::new(Mutex::new(String::new())), Arc::default());
        let (text, counted): (Arc<Mutex<String>>, Arc<AtomicUsize>) =
            (Arc::clone(&answer), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                    head.push(byte[0]);
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(text.lock().unwrap().as_bytes());
            }
        });
        Self { address, answer, requests }
    }

    fn answers(&self, status: &str, body: &str) {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        *self.answer.lock().unwrap() = answer;
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn source(&self) -> KeySource {
        KeySource::url(&format!("http://{}/keys", self.address)).unwrap()
    }

    /// Waits for a refresh that no request waits for.
    async fn wait_for_requests(&self, count: usize) {
        for _ in 0..500 {
            if self.requests() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {count} requests", self.requests());
    }
}

/// Tokens of one signer differ, so that none is in the cache.
fn token(signer: &Signer, number: i64) -> String {
    signer.token("ES256", &claims(json!({ "jti": number, "exp": NOW + 100 * HOUR })))
}

#[tokio::test]
async fn keys_are_read_once_and_then_every_15_minutes() {
    let (server, signer, clock) = (KeyServer::start(), Signer::p256("a"), TestClock::new());
    server.answers("200 OK", &key_set(&[&signer]));
    let tokens = authenticator(server.source()).clock(clock.clone());
    for number in 0..5 {
        send(&tokens, &token(&signer, number)).await.unwrap();
    }
    assert_eq!(server.requests(), 1);
    clock.set(15 * MINUTE - 1);
    send(&tokens, &token(&signer, 5)).await.unwrap();
    assert_eq!(server.requests(), 1);
    clock.set(15 * MINUTE);
    send(&tokens, &token(&signer, 6)).await.unwrap();
    server.wait_for_requests(2).await;
}

#[tokio::test]
async fn rotated_key_is_found_at_most_once_a_minute() {
    let (server, clock) = (KeyServer::start(), TestClock::new());
    let (old, new, later) = (Signer::p256("old"), Signer::p256("new"), Signer::p256("later"));
    server.answers("200 OK", &key_set(&[&old]));
    let tokens = authenticator(server.source()).clock(clock.clone());
    send(&tokens, &token(&old, 0)).await.unwrap();
    server.answers("200 OK", &key_set(&[&new]));
    clock.set(MINUTE);
    send(&tokens, &token(&new, 1)).await.unwrap();
    assert_eq!(server.requests(), 2);
    let gone = token(&old, 2);
    check_refused(send(&tokens, &gone).await, &gone, "the key of the token is unknown");
    // Unknown keys do not make the server busy.
    server.answers("200 OK", &key_set(&[&later]));
    clock.set(2 * MINUTE - 1);
    for number in 0..20 {
        let unknown = token(&later, number);
        check_refused(send(&tokens, &unknown).await, &unknown, "the key of the token is unknown");
    }
    assert_eq!(server.requests(), 2);
    clock.set(2 * MINUTE);
    send(&tokens, &token(&later, 21)).await.unwrap();
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn concurrent_requests_share_the_first_read() {
    let (server, signer) = (KeyServer::start(), Signer::p256("a"));
    server.answers("200 OK", &key_set(&[&signer]));
    let tokens = authenticator(server.source());
    let all: Vec<String> = (0..16).map(|number| token(&signer, number)).collect();
    let sent = all.iter().map(|token| send(&tokens, token));
    for answer in futures_util::future::join_all(sent).await {
        answer.unwrap();
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn old_keys_serve_a_day_while_the_issuer_is_down() {
    let (server, signer, clock) = (KeyServer::start(), Signer::p256("a"), TestClock::new());
    server.answers("200 OK", &key_set(&[&signer]));
    let tokens = authenticator(server.source()).clock(clock.clone());
    send(&tokens, &token(&signer, 0)).await.unwrap();
    server.answers("503 Service Unavailable", "");
    for (number, after, requests) in [(1, HOUR, 2), (2, 24 * HOUR, 3)] {
        clock.set(after);
        send(&tokens, &token(&signer, number)).await.unwrap();
        server.wait_for_requests(requests).await;
    }
    clock.set(24 * HOUR + 5);
    let late = token(&signer, 3);
    let reason = "the keys of the issuer are not available";
    check_refused(send(&tokens, &late).await, &late, reason);
    server.answers("200 OK", &key_set(&[&signer]));
    clock.set(24 * HOUR + 2 * MINUTE);
    send(&tokens, &late).await.unwrap();
}

#[tokio::test]
async fn unusable_answers_give_no_keys() {
    let signer = Signer::p256("a");
    let keys = key_set(&[&signer]);
    let large = format!("{keys}{}", " ".repeat((256 << 10) + 1 - keys.len()));
    let fits = format!("{keys}{}", " ".repeat((256 << 10) - keys.len()));
    for (status, body, is_used) in [
        ("200 OK", fits.as_str(), true),
        ("200 OK", large.as_str(), false),
        ("200 OK", "<html>", false),
        ("200 OK", "{\"keys\":[]}", false),
        ("404 Not Found", keys.as_str(), false),
        ("500 Internal Server Error", keys.as_str(), false),
    ] {
        let server = KeyServer::start();
        server.answers(status, body);
        let sent = send(&authenticator(server.source()), &token(&signer, 0)).await;
        assert_eq!(sent.is_ok(), is_used, "{status}: {} bytes", body.len());
        assert_eq!(server.requests(), 1, "{status}");
    }
}

#[tokio::test]
async fn redirects_are_refused() {
    let (server, target, signer) = (KeyServer::start(), KeyServer::start(), Signer::p256("a"));
    target.answers("200 OK", &key_set(&[&signer]));
    let location = format!("http://{}/keys", target.address);
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"] {
        server.answers(&format!("{status}\r\nlocation: {location}"), &key_set(&[&signer]));
        let tokens = authenticator(server.source());
        let refused = token(&signer, 0);
        let reason = "the keys of the issuer are not available";
        check_refused(send(&tokens, &refused).await, &refused, reason);
    }
    assert_eq!((server.requests(), target.requests()), (3, 0));
}

#[tokio::test]
async fn missing_server_is_asked_again_after_5_seconds() {
    let (server, signer, clock) = (KeyServer::start(), Signer::p256("a"), TestClock::new());
    server.answers("503 Service Unavailable", "");
    let tokens = authenticator(server.source()).clock(clock.clone());
    for (after, requests) in [(0, 1), (4, 1), (5, 2), (9, 2)] {
        clock.set(after);
        assert!(send(&tokens, &token(&signer, after)).await.is_err());
        assert_eq!(server.requests(), requests, "after {after} s");
    }
    server.answers("200 OK", &key_set(&[&signer]));
    clock.set(10);
    send(&tokens, &token(&signer, 10)).await.unwrap();
}

#[tokio::test]
async fn file_is_read_again() {
    let (old, new, clock) = (Signer::p256("old"), Signer::p256("new"), TestClock::new());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let tokens = authenticator(KeySource::file(&path)).clock(clock.clone());
    assert!(send(&tokens, &token(&old, 0)).await.is_err());
    std::fs::write(&path, key_set(&[&old])).unwrap();
    clock.set(5);
    send(&tokens, &token(&old, 1)).await.unwrap();
    std::fs::write(&path, key_set(&[&new])).unwrap();
    clock.set(5 + MINUTE);
    send(&tokens, &token(&new, 2)).await.unwrap();
    assert!(send(&tokens, &token(&old, 3)).await.is_err());
}
