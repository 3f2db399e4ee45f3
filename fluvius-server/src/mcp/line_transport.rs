//! Messages as lines: one JSON text per line, on a reader and a writer.

use std::io;
use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, ErrorData, GetExtensions, ServerJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::Mutex;

use super::raw_payload::RawPayload;
use crate::input::body;

/// A transport of lines.
#[derive(Debug)]
pub(super) struct LineTransport<R, W> {
    reader: BufReader<R>,
    writer: Arc<Mutex<W>>,
    /// The part of the current line that has arrived.
    line: Vec<u8>,
    /// Set while the rest of a line that is too long is skipped.
    is_skipping: bool,
    max_bytes: usize,
}

impl<R: AsyncRead + Unpin, W> LineTransport<R, W> {
    pub(super) fn new(reader: R, writer: W, max_bytes: usize) -> Self {
        Self {
            reader: BufReader::new(reader),
            writer: Arc::new(Mutex::new(writer)),
            line: Vec::new(),
            is_skipping: false,
            max_bytes,
        }
    }

    /// Reads to the end of the line; `None` at the end of the input.
    ///
    /// # Errors
    /// The message for the client, if the line is too long.
    ///
    /// # Cancellation
    /// If the future is dropped, the next call continues.
    async fn read_line(&mut self) -> Option<Result<Vec<u8>, &'static str>> {
        loop {
            let part = self.reader.fill_buf().await.ok()?;
            if part.is_empty() {
                return None;
            }
            let end = part.iter().position(|byte| *byte == b'\n');
            let taken = &part[..end.unwrap_or(part.len())];
            if self.line.len() + taken.len() > self.max_bytes {
                self.is_skipping = true;
                self.line.clear();
            }
            if !self.is_skipping {
                self.line.extend_from_slice(taken);
            }
            let read = taken.len() + usize::from(end.is_some());
            self.reader.consume(read);
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                return Some(match std::mem::take(&mut self.is_skipping) {
                    true => Err("the message is too long"),
                    false => Ok(line),
                });
            }
        }
    }
}

impl<R, W> Transport<RoleServer> for LineTransport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        write(Arc::clone(&self.writer), message)
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            let parsed = match self.read_line().await? {
                Ok(line) if line.trim_ascii().is_empty() => continue,
                Ok(line) => parse(line),
                Err(message) => Err(ErrorData::invalid_request(message, None)),
            };
            match parsed {
                Ok(message) => return Some(message),
                Err(error) => {
                    let answer = ServerJsonRpcMessage::error(error, None);
                    // In a task of its own: this future may be dropped at any time.
                    tokio::spawn(write(Arc::clone(&self.writer), answer));
                }
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.writer.lock().await.flush().await
    }
}

async fn write<W>(writer: Arc<Mutex<W>>, message: ServerJsonRpcMessage) -> io::Result<()>
where
    W: AsyncWrite + Send + Unpin,
{
    let mut text = serde_json::to_vec(&message)?;
    text.push(b'\n');
    let mut writer = writer.lock().await;
    writer.write_all(&text).await?;
    writer.flush().await
}

/// Reads a message, with the text of its payload as an extension.
fn parse(line: Vec<u8>) -> Result<ClientJsonRpcMessage, ErrorData> {
    let not_json = |detail: String| ErrorData::parse_error(detail, None);
    let text = String::from_utf8(line).map_err(|_| not_json("not UTF-8".to_owned()))?;
    body::check_json(&text).map_err(|problem| not_json(problem.detail.clone()))?;
    let (text, payload) = RawPayload::take(text);
    let mut message: ClientJsonRpcMessage = serde_json::from_str(&text)
        .map_err(|_| ErrorData::invalid_request("not a message of JSON-RPC", None))?;
    if let ClientJsonRpcMessage::Request(request) = &mut message
        && let Some(payload) = payload
    {
        request.request.extensions_mut().insert(payload);
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

    async fn received(input: &str, max_bytes: usize) -> (usize, String) {
        let (server, mut client) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(server);
        client.write_all(input.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let mut transport = LineTransport::new(reader, writer, max_bytes);
        let mut count = 0;
        while transport.receive().await.is_some() {
            count += 1;
        }
        tokio::task::yield_now().await;
        drop(transport);
        let mut answers = String::new();
        client.read_to_string(&mut answers).await.unwrap();
        (count, answers)
    }

    #[tokio::test]
    async fn each_line_is_a_message() {
        let input = format!("{PING}\n\n  \r\n{PING}\r\n{PING}");
        // The last line has no end, so it is no message.
        assert_eq!(received(&input, 1_000).await, (2, String::new()));
    }

    #[tokio::test]
    async fn faulty_line_is_answered_and_the_next_is_read() {
        let long = "x".repeat(5_000);
        for faulty in ["{", "[]", r#"{"a":1,"a":1}"#, &long] {
            let (count, answers) = received(&format!("{faulty}\n{PING}\n"), 1_000).await;
            assert_eq!(count, 1, "{faulty}");
            let answer: serde_json::Value = serde_json::from_str(&answers).unwrap();
            assert!(answer["error"]["code"].is_i64(), "{answer}");
        }
    }
}
