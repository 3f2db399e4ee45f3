//! A server on a port of its own, and a client of it.

use std::net::SocketAddr;

use fluvius::DomainRuntime;
use fluvius::server::{ServeError, Server};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server. Dropping it ends the server.
pub struct Running {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Result<(), ServeError>>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

/// A request in the making.
pub struct Call<'a> {
    server: &'a Running,
    method: Method,
    path: String,
    headers: Vec<(HeaderName, String)>,
    body: Option<String>,
}

impl Running {
    /// Serves a domain without an authenticator.
    pub async fn of(domain: DomainRuntime) -> Self {
        Self::start(Server::new().mount(domain)).await
    }

    pub async fn start(server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(server.serve_until(listener, async move {
            let _ = stopped.await;
        }));
        Self { address, stop: Some(stop), served }
    }

    /// Asks the server to end, and waits for it.
    pub async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        (&mut self.served).await.unwrap().unwrap();
    }

    /// Asks the server to end.
    pub fn begin_to_stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub async fn ended(mut self) {
        (&mut self.served).await.unwrap().unwrap();
    }

    pub fn get(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: impl Into<String>, body: &Value) -> Call<'_> {
        let call = self.call(Method::POST, path).header("content-type", "application/json");
        Call { body: Some(body.to_string()), ..call }
    }

    pub fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        Call { server: self, method, path: path.into(), headers: Vec::new(), body: None }
    }
}

impl Call<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.parse().unwrap(), value.to_owned()));
        self
    }

    pub fn body(mut self, text: impl Into<String>) -> Self {
        self.body = Some(text.into());
        self
    }

    /// Sends the request on a connection of its own, and reads the answer as it arrives.
    pub async fn open(self) -> EventReader {
        let response = self.answer().await;
        assert_eq!(response.status(), StatusCode::OK);
        EventReader { body: response.into_body(), text: String::new() }
    }

    /// Sends the request on a connection of its own.
    pub async fn send(self) -> Answer {
        let (parts, body) = self.answer().await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(bytes.into()).unwrap(),
        }
    }

    /// Sends the request, and returns the headers of the answer and the size of its body.
    pub async fn send_raw(self) -> (HeaderMap, usize) {
        let (parts, body) = self.answer().await.into_parts();
        (parts.headers, body.collect().await.unwrap().to_bytes().len())
    }

    async fn answer(self) -> hyper::Response<Incoming> {
        let stream = TcpStream::connect(self.server.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(self.method).uri(&self.path);
        let headers = request.headers_mut().unwrap();
        for (name, value) in self.headers {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let host = self.server.address.to_string().parse().unwrap();
        headers.entry("host").or_insert(host);
        let body = Full::new(Bytes::from(self.body.unwrap_or_default()));
        sender.send_request(request.body(body).unwrap()).await.unwrap()
    }
}

/// An event of a stream, as a browser would see it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamEvent {
    pub id: Option<String>,
    pub event: Option<String>,
    pub data: Option<Value>,
}

/// The reader of a stream of events.
pub struct EventReader {
    body: Incoming,
    text: String,
}

impl EventReader {
    /// Returns the next event with data or an id; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<StreamEvent> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = StreamEvent::parse(block);
                self.text = rest.to_owned();
                if event != StreamEvent::default() {
                    return Some(event);
                }
                continue;
            }
            let frame = self.body.frame().await?.ok()?;
            let Ok(data) = frame.into_data() else { continue };
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    /// Reads until the stream has shown this number of events with data.
    pub async fn take(&mut self, count: usize) -> Vec<StreamEvent> {
        let mut events = Vec::new();
        while events.len() < count {
            let event = self.next().await.expect("the stream goes on");
            if event.data.is_some() {
                events.push(event);
            }
        }
        events
    }
}

impl StreamEvent {
    pub fn parse(block: &str) -> Self {
        let mut event = Self::default();
        for line in block.lines() {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "id" => event.id = Some(value.to_owned()),
                "event" => event.event = Some(value.to_owned()),
                "data" => event.data = Some(serde_json::from_str(value).unwrap()),
                _ => {}
            }
        }
        event
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks the status, and returns the body.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        match self.status {
            204 | 304 => Value::Null,
            400.. => self.expect_problem(status),
            _ => self.json(),
        }
    }

    /// Checks that the answer is a complete problem, and returns it.
    #[track_caller]
    pub fn expect_problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        let problem = self.json();
        for member in ["type", "title", "detail", "code", "retry"] {
            assert!(problem[member].is_string(), "{member}: {problem}");
        }
        assert_eq!(problem["status"], status);
        assert!(StatusCode::from_u16(status).is_ok());
        problem
    }
}
