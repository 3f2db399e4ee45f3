//! Problems: every answer with a status from 400 on, as `application/problem+json`.
//!
//! # Source
//! RFC 9457, *Problem Details for HTTP APIs*.

mod code;
mod from_error;
mod routing;

use std::ops::{Deref, DerefMut};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fluvius_core::uuid::Uuid;
use fluvius_core::{ETag, RejectionCode};
use serde_json::{Map, Value};

pub(crate) use code::INTERNAL_DETAIL;
pub(crate) use code::{CODES, find};
pub use code::{ProblemCode, Retry};
pub(crate) use from_error::{CommandScope, REPLAYED, Scope, from_error};
pub(crate) use routing::complete;

/// The media type of problems.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// A problem, before it is written for a base path. Boxed, so that a result of a handler is small.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Details>);

/// The members of a problem.
#[derive(Debug, Clone)]
pub(crate) struct Details {
    pub(crate) code: &'static ProblemCode,
    pub(crate) detail: String,
    /// The id of the command that the problem is about.
    pub(crate) command_id: Option<Uuid>,
    /// The author's code and the namespace of its domain.
    pub(crate) rejection: Option<(&'static str, RejectionCode)>,
    /// A code of an author that no action lists.
    pub(crate) unlisted: Option<(&'static str, String)>,
    /// A JSON Pointer into the body.
    pub(crate) path: Option<String>,
    /// The current version and etag, where a precondition failed.
    pub(crate) current: Option<(u64, Option<ETag>)>,
    pub(crate) retry: Retry,
    /// Further members.
    pub(crate) extra: Map<String, Value>,
    pub(crate) headers: HeaderMap,
}

impl Problem {
    /// Returns a problem with a code of the table.
    pub(crate) fn new(code: &str, detail: impl Into<String>) -> Self {
        // A test names each code of the core, and the server's own codes are literals.
        let code = find(code).unwrap_or(&INTERNAL);
        Self(Box::new(Details {
            code,
            detail: detail.into(),
            command_id: None,
            rejection: None,
            unlisted: None,
            path: None,
            current: None,
            retry: code.retry,
            extra: Map::new(),
            headers: HeaderMap::new(),
        }))
    }

    /// Sets the JSON Pointer into the body.
    pub(crate) fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Returns the problem of an invalid query parameter or header.
    pub(crate) fn parameter(detail: impl Into<String>) -> Self {
        Self::new("invalid-parameter", detail)
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        let status = self.rejection.map_or(self.code.status, |(_, rejection)| rejection.status);
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Returns the members of the problem, with `base_path` before each path.
    pub(crate) fn members(&self, base_path: &str) -> Map<String, Value> {
        let code = self.code.code;
        let authored = match (&self.rejection, &self.unlisted) {
            (Some((domain, rejection)), _) => Some((*domain, rejection.code)),
            (None, Some((domain, code))) => Some((*domain, code.as_str())),
            (None, None) => None,
        };
        let kind = match authored {
            Some((domain, code)) => format!("{base_path}/problems/{domain}/{code}"),
            None => format!("{base_path}/problems/{code}"),
        };
        let mut members = self.extra.clone();
        members.insert("type".to_owned(), kind.into());
        let title = match authored {
            Some((_, code)) => title(code),
            None => self.code.title.to_owned(),
        };
        members.insert("title".to_owned(), title.into());
        members.insert("status".to_owned(), self.status().as_u16().into());
        members.insert("detail".to_owned(), self.detail.clone().into());
        if let Some(id) = self.command_id {
            members.insert("instance".to_owned(), format!("urn:uuid:{id}").into());
        }
        members.insert("code".to_owned(), code.into());
        if let Some((_, code)) = authored {
            members.insert("rejection".to_owned(), code.into());
        }
        if let Some(path) = &self.path {
            members.insert("path".to_owned(), path.clone().into());
        }
        if let Some((version, etag)) = &self.current {
            members.insert("version".to_owned(), (*version).into());
            members.insert("etag".to_owned(), etag.map(|etag| etag.to_string()).into());
        }
        members.insert("retry".to_owned(), serde_json::to_value(self.retry).unwrap_or_default());
        members
    }

    /// Returns the answer, with `base_path` before each path.
    pub(crate) fn into_response(self, base_path: &str) -> Response {
        let body = Value::Object(self.members(base_path)).to_string();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.0.headers);
        response
    }
}

impl Deref for Problem {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

/// The code of a problem that the table does not have, which would be a fault of the server.
static INTERNAL: ProblemCode = ProblemCode {
    code: "store-error",
    status: 500,
    title: "Internal error",
    retry: Retry::Never,
    docs: "",
};

/// Returns the title of an author's code: `insufficient-funds` gives `Insufficient funds`.
pub(crate) fn title(code: &str) -> String {
    let mut title = code.replace('-', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_follow_rfc_9457() {
        let mut problem = Problem::new("rejected", "Insufficient funds").at("/commands/2");
        problem.command_id = Some(Uuid::from_u128(1));
        let code = RejectionCode::new("insufficient-funds", "").with_status(402);
        problem.rejection = Some(("bank", code));
        let members = Value::Object(problem.members("/api"));
        let expected = serde_json::json!({
            "type": "/api/problems/bank/insufficient-funds",
            "title": "Insufficient funds",
            "status": 402,
            "detail": "Insufficient funds",
            "instance": "urn:uuid:00000000-0000-0000-0000-000000000001",
            "code": "rejected",
            "rejection": "insufficient-funds",
            "path": "/commands/2",
            "retry": "new-key",
        });
        assert_eq!(members, expected);
    }
}
