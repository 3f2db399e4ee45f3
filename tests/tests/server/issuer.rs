//! An issuer of tokens: a server of a key set.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A server that gives the same answer to each request, and counts them.
pub struct Issuer {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    requests: Arc<AtomicUsize>,
}

impl Issuer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = Self { address, answer: Arc::default(), requests: Arc::default() };
        let (answer, requests) = (Arc::clone(&issuer.answer), Arc::clone(&issuer.requests));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                    head.push(byte[0]);
                }
                requests.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(answer.lock().unwrap().as_bytes());
            }
        });
        issuer
    }

    pub fn url(&self) -> String {
        format!("http://{}/jwks", self.address)
    }

    pub fn publishes(&self, keys: &str) {
        let length = keys.len();
        *self.answer.lock().unwrap() =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{keys}");
    }

    pub fn fails(&self) {
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
            .clone_into(&mut self.answer.lock().unwrap());
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}
