//! Querying the aggregates of a resource, page by page.

use axum::response::Response;

use crate::app::{Call, PRIVATE, json};
use crate::input::accept;
use crate::input::filter;
use crate::input::params::Params;
use crate::operations::{DEFAULT_LIMIT, MAX_LIMIT, QueryRequest};
use crate::output;
use crate::problem::Problem;

/// Answers with a page of the aggregates of a resource.
pub(crate) async fn run(call: Call, resource: &'static str) -> Result<Response, Problem> {
    accept::check(call.headers(), "application/json")?;
    let not_found = || Problem::new("not-found", "unknown resource");
    let aggregate = call.domain.aggregate(resource).ok_or_else(not_found)?;

    let mut params = Params::read(call.parts.uri.query())?;
    let limit = params.take_limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let sort = params.take("sort")?.unwrap_or_default();
    let fields = params.take("fields")?;
    let cursor = params.take("cursor")?;
    let json_filter = params.take("filter")?;
    let with_closed = params.take_flag("closed")?;
    let conditions = params.take_rest();
    params.finish()?;

    let mut condition = filter::of_params(conditions, aggregate)?;
    if let Some(text) = json_filter.filter(|text| !text.is_empty()) {
        condition = condition & filter::of_json(&text, aggregate)?;
    }
    let query = QueryRequest {
        resource,
        condition,
        sort: &sort,
        fields: fields.as_deref(),
        cursor: cursor.as_deref(),
        limit,
        with_closed,
    };
    let page = query.read(&call).await?;
    let mut response = json(&page, PRIVATE);
    if let Some(next) = page.next {
        let path = format!("{}/{resource}?{}", call.domain.path, with_cursor(&call, &next));
        output::link(&mut response, &path, "next");
    }
    Ok(response)
}

/// Returns the query string of the request with another cursor.
fn with_cursor(call: &Call, cursor: &str) -> String {
    let query = call.parts.uri.query().unwrap_or_default().split('&');
    let others = query.filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let cursor = format!("cursor={cursor}");
    others.chain([cursor.as_str()]).collect::<Vec<_>>().join("&")
}
