//! A keep-alive connection of HTTP/1.1, as far as the benchmark needs it.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::system::Fault;

const MAX_HEADER_COUNT: usize = 32;

/// A connection with its buffers.
pub(crate) struct Connection {
    stream: TcpStream,
    /// The next request.
    pub(crate) request: Vec<u8>,
    received: Vec<u8>,
}

/// An answer.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(port: u16) -> Result<Self, Fault> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: Vec::new(), received: Vec::new() })
    }

    /// Sends `request`, and waits for the whole answer.
    ///
    /// # Errors
    /// A closed connection, and an answer without `Content-Length`.
    pub(crate) async fn send(&mut self) -> Result<Answer<'_>, Fault> {
        self.stream.write_all(&self.request).await?;
        self.received.clear();
        loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err("the server has closed a connection".into());
            }
            let Some(head) = Head::parse(&self.received)? else { continue };
            let length = head.bytes + head.body_bytes;
            while self.received.len() < length {
                if self.stream.read_buf(&mut self.received).await? == 0 {
                    return Err("the server has closed a connection within an answer".into());
                }
            }
            if self.received.len() > length {
                return Err("the server has sent more than one answer".into());
            }
            return Ok(Answer { status: head.status, body: &self.received[head.bytes..] });
        }
    }
}

/// The head of an answer.
struct Head {
    status: u16,
    bytes: usize,
    body_bytes: usize,
}

impl Head {
    /// Parses a head; `None` if more bytes are needed.
    fn parse(received: &[u8]) -> Result<Option<Self>, Fault> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADER_COUNT];
        let mut answer = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(bytes) = answer.parse(received)? else { return Ok(None) };
        let length =
            answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
        let body_bytes = length.ok_or("an answer has no `Content-Length`")?;
        Ok(Some(Self { status: answer.code.unwrap_or(0), bytes, body_bytes }))
    }
}
