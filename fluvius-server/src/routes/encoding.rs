//! The content encoding of answers.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, Request, header};
use axum::response::Response;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_layer::Layer;
use tower_service::Service;

/// Minimum size of a compressed answer in bytes.
const MIN_BYTES: u64 = 1_024;

/// Compresses an answer with an encoding that the client accepts, unless the answer is small or a
/// stream.
pub(super) async fn encode(accepted: Vec<HeaderValue>, response: Response) -> Response {
    let is_small = response.body().size_hint().upper().is_some_and(|bytes| bytes < MIN_BYTES);
    if is_small || accepted.is_empty() {
        return response;
    }
    let mut request = Request::new(());
    for value in accepted {
        request.headers_mut().append(header::ACCEPT_ENCODING, value);
    }
    let predicate = SizeAbove::new(MIN_BYTES).and(NotForContentType::SSE);
    let layer = CompressionLayer::new().gzip(true).compress_when(predicate);
    let Ok(encoded) = layer.layer(Answered(response)).call(request).await;
    weakened(encoded.map(Body::new))
}

/// Weakens the etag of a compressed answer, whose bytes are others (RFC 9110, section 8.8.3).
fn weakened(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if headers.contains_key(header::CONTENT_ENCODING)
        && let Some(etag) = headers.get(header::ETAG).and_then(|value| value.to_str().ok())
        && !etag.starts_with("W/")
        && let Ok(weak) = HeaderValue::from_str(&format!("W/{etag}"))
    {
        headers.insert(header::ETAG, weak);
    }
    response
}

/// An answer as the service that gives it, for the layer.
struct Answered(Response);

impl Service<Request<()>> for Answered {
    type Response = Response;
    type Error = Infallible;
    type Future = Ready<Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(std::mem::take(&mut self.0)))
    }
}
