//! The table of the routes: from a path to its method and its handler.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use fluvius_core::uuid::Uuid;
use futures_core::future::BoxFuture;
use percent_encoding::percent_decode_str;

/// A handler. It gets the identifier in the path, if the path has one in its canonical form.
type Handler = Box<dyn Fn(Request, Option<Uuid>) -> BoxFuture<'static, Response> + Send + Sync>;

/// The method and the handler of a path. No path has two methods, except that `HEAD` is answered as
/// `GET`.
pub(super) struct Endpoint {
    method: Method,
    handler: Handler,
}

impl Endpoint {
    pub(super) fn new<F>(
        method: Method,
        handler: impl Fn(Request, Option<Uuid>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        Self { method, handler: Box::new(move |request, id| Box::pin(handler(request, id))) }
    }

    /// Returns true if the path has this method.
    pub(super) fn admits(&self, method: &Method) -> bool {
        self.method == *method || (self.method == Method::GET && *method == Method::HEAD)
    }

    /// Returns the methods of the path, as `Allow` lists them.
    pub(super) fn allow(&self) -> &'static str {
        if self.method == Method::GET { "GET,HEAD" } else { "POST" }
    }

    pub(super) fn answer(
        &self,
        request: Request,
        id: Option<Uuid>,
    ) -> BoxFuture<'static, Response> {
        (self.handler)(request, id)
    }
}

/// A path with its endpoint.
pub(super) struct Route {
    /// The path with the names of its parameters.
    pub(super) template: String,
    pub(super) endpoint: Endpoint,
}

/// The routes of a server.
pub(super) struct Table {
    base_path: String,
    routes: matchit::Router<Route>,
}

impl Table {
    /// Creates a table whose paths begin with a prefix.
    pub(super) fn new(base_path: &str) -> Self {
        Self { base_path: base_path.to_owned(), routes: matchit::Router::new() }
    }

    /// Adds a route.
    ///
    /// # Panics
    /// If the path has a route. The names in paths are checked before.
    #[expect(clippy::expect_used, reason = "two routes of one path are a fault of the server")]
    pub(super) fn add(&mut self, path: &str, endpoint: Endpoint) {
        let template = format!("{}{path}", self.base_path);
        let route = Route { template: template.clone(), endpoint };
        self.routes.insert(template, route).expect("each path has one route");
    }

    /// Returns the route of a path, with the identifier in the path.
    pub(super) fn find(&self, path: &str) -> Option<(&Route, Option<Uuid>)> {
        let found = self.routes.at(path).ok()?;
        Some((found.value, found.params.get("id").and_then(identifier)))
    }
}

/// Reads an identifier: a UUID with hyphens, in lower case.
fn identifier(text: &str) -> Option<Uuid> {
    // Most paths have no escaped characters.
    let text = match text.contains('%') {
        true => percent_decode_str(text).decode_utf8().ok()?,
        false => Cow::Borrowed(text),
    };
    let id = Uuid::try_parse(&text).ok()?;
    let canonical = id.hyphenated();
    (*canonical.encode_lower(&mut Uuid::encode_buffer()) == *text).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifier_is_read_in_its_canonical_form_only() {
        let id = "0190163d-8694-739b-aea5-966c26f8ad92";
        assert_eq!(identifier(id).map(|id| id.to_string()).as_deref(), Some(id));
        assert_eq!(identifier(&id.replacen('0', "%30", 1)), identifier(id));
        for other in ["", "x", "0190163D-8694-739b-aea5-966c26f8ad92", &id.replace('-', ""), "%ff"]
        {
            assert_eq!(identifier(other), None, "{other}");
        }
    }
}
