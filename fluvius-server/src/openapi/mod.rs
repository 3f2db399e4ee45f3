//! The OpenAPI document: one for all mounted domains, made from their descriptions at start.
//!
//! # Source
//! OpenAPI Specification 3.1.1.

mod components;
mod parameters;
mod problems;
mod reads;
mod sends;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::mounted::Mounted;
use crate::settings::Settings;
use components::Components;

/// The parts of a document in the making.
struct Document<'a> {
    settings: &'a Settings,
    has_authenticator: bool,
    components: Components,
    /// The path items by path, in the order of the routes.
    paths: Map<String, Value>,
}

/// Returns the document.
pub(crate) fn document(
    domains: &[Arc<Mounted>],
    settings: &Settings,
    security_scheme: Option<&Value>,
) -> Value {
    let mut document = Document {
        settings,
        has_authenticator: security_scheme.is_some(),
        components: Components::default(),
        paths: Map::new(),
    };
    problems::add_schema(&mut document.components);
    sends::add_schemas(&mut document.components);
    sends::add_dry_run(&mut document.components);
    for domain in domains {
        sends::add(&mut document, domain);
        reads::add(&mut document, domain);
    }
    reads::add_health(&mut document);
    let Document { components, paths, .. } = document;
    let mut components = json!({ "schemas": components.into_value() });
    let mut root = json!({
        "openapi": "3.1.1",
        "info": info(domains),
        "servers": [{ "url": server_url(settings) }],
        "tags": tags(domains),
        "paths": paths,
    });
    if let Some(scheme) = security_scheme {
        components["securitySchemes"] = json!({ "sender": scheme });
        root["security"] = json!([{ "sender": [] }]);
    } else {
        root["security"] = json!([]);
    }
    root["components"] = components;
    root
}

fn server_url(settings: &Settings) -> String {
    let path = match settings.base_path.as_str() {
        "" => "/",
        path => path,
    };
    match &settings.public_url {
        Some(url) => url.join(path),
        None => path.to_owned(),
    }
}

fn info(domains: &[Arc<Mounted>]) -> Value {
    let titles: Vec<&str> = domains.iter().map(|domain| domain.description.title).collect();
    let texts: Vec<&str> = domains
        .iter()
        .map(|domain| domain.description.description)
        .filter(|text| !text.is_empty())
        .collect();
    let revisions: Vec<String> =
        domains.iter().map(|domain| domain.description.revision.to_string()).collect();
    json!({
        "title": titles.join(", "),
        "description": match texts.is_empty() {
            true => "The API of a domain.".to_owned(),
            false => texts.join("\n\n"),
        },
        "version": revisions.join("."),
    })
}

/// Returns one tag per resource and one per domain.
fn tags(domains: &[Arc<Mounted>]) -> Value {
    let mut tags = Vec::new();
    for domain in domains {
        let description = domain.description.title;
        tags.push(json!({ "name": domain.namespace(), "description": description }));
        for aggregate in &domain.description.aggregates {
            for resource in aggregate.resources {
                let docs = match aggregate.docs.as_str() {
                    "" => format!("The aggregates of the resource `{resource}`."),
                    docs => docs.to_owned(),
                };
                tags.push(json!({ "name": resource, "description": docs }));
            }
        }
    }
    tags.push(json!({ "name": "server", "description": "The server itself." }));
    Value::Array(tags)
}

impl Document<'_> {
    /// Adds an operation.
    fn insert(&mut self, path: &str, method: &str, operation: Value) {
        let item = self.paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        item[method] = operation;
    }
}

/// Returns the id of an operation: the parts of its path, joined.
fn operation_id(parts: &[&str]) -> String {
    parts.join(".")
}

/// Returns the first sentence of a documentation, without the full stop.
fn summary(docs: &str) -> String {
    let line = docs.lines().next().unwrap_or_default();
    let sentence = line.split(". ").next().unwrap_or_default();
    sentence.trim_end_matches('.').to_owned()
}

/// Returns an answer with a body of JSON.
fn answer(description: &str, schema: &Value, headers: Value) -> Value {
    json!({
        "description": description,
        "headers": headers,
        "content": { "application/json": { "schema": schema } },
    })
}

/// Returns the description of a header in an answer.
fn header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" } })
}
