//! The routes, the document and the guide against the registry and the table of codes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use banking_domain::TransactionManagerDomain;
use fluvius::server::{PROBLEM_CODES, Server};
use fluvius::{Domain, DomainRuntime, Lifecycle, MemoryStore};
use hyper::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::client::Running;
use crate::library::library;
use crate::shop::shop;

async fn domains() -> [DomainRuntime; 3] {
    let bank = TransactionManagerDomain::runtime(MemoryStore::new()).await.unwrap();
    [bank, library().await, shop().await]
}

/// Returns the paths of the commands that the registries of the domains have.
fn command_paths(domains: &[DomainRuntime]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for domain in domains {
        let namespace = domain.metadata().namespace;
        for action in domain.registry().actions() {
            for resource in action.resources {
                paths.insert(format!("/{namespace}/{resource}/{{id}}/{}", action.key));
                if action.lifecycle == Lifecycle::Create {
                    paths.insert(format!("/{namespace}/{resource}/{}", action.key));
                }
            }
        }
        paths.insert(format!("/{namespace}/atomic"));
    }
    paths
}

#[tokio::test]
async fn every_action_has_a_route_and_an_operation() {
    let domains = domains().await;
    let expected = command_paths(&domains);
    let mut server = Server::new();
    for domain in &domains {
        server = server.mount(domain.clone());
    }
    let server = Running::start(server).await;
    let document = server.get("/openapi.json").send().await.expect(200);
    let paths = document["paths"].as_object().unwrap();
    let documented: BTreeSet<String> = paths
        .iter()
        .filter(|(_, item)| item["post"].is_object())
        .map(|(path, _)| path.clone())
        .collect();
    assert_eq!(documented, expected);
    assert!(expected.len() > 20, "{}", expected.len());
    let id = Uuid::from_u128(1).to_string();
    for (path, item) in paths {
        let methods: Vec<&String> = item.as_object().unwrap().keys().collect();
        assert_eq!(methods.len(), 1, "{path}");
        let options = server.call(Method::OPTIONS, path.replace("{id}", &id)).send().await;
        options.expect(204);
        let method = methods[0].to_uppercase();
        assert!(options.header("allow").contains(&method), "{path}: {options:?}");
    }
    for domain in &domains {
        let namespace = domain.metadata().namespace;
        for resource in domain.registry().resources() {
            for rest in ["", "/{id}", "/{id}/history"] {
                let path = format!("/{namespace}/{resource}{rest}");
                assert!(paths[&path]["get"].is_object(), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn every_code_of_an_action_is_in_its_operation() {
    let domains = domains().await;
    let mut server = Server::new();
    for domain in &domains {
        server = server.mount(domain.clone());
    }
    let server = Running::start(server).await;
    let document = server.get("/openapi.json").send().await.expect(200);
    let mut count = 0;
    for domain in &domains {
        let description = domain.registry().describe();
        for action in description.aggregates.iter().flat_map(|each| &each.actions) {
            if action.internal {
                continue;
            }
            let path =
                format!("/{}/{}/{{id}}/{}", description.namespace, action.resources[0], action.key);
            let responses = &document["paths"][&path]["post"]["responses"];
            for code in &action.rejections.codes {
                let response = &responses[code.status.to_string()]["content"];
                let example = &response["application/problem+json"]["examples"][code.code];
                assert_eq!(example["value"]["rejection"], code.code, "{path}");
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count}");
}

#[tokio::test]
async fn operations_are_unique_and_links_lead_to_them() {
    let mut server = Server::new();
    for domain in domains().await {
        server = server.mount(domain);
    }
    let server = Running::start(server).await;
    let document = server.get("/openapi.json").send().await.expect(200);
    let mut ids = BTreeSet::new();
    let mut links = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id}");
            for response in operation["responses"].as_object().unwrap().values() {
                let targets =
                    response["links"].as_object().into_iter().flat_map(|each| each.values());
                links.extend(targets.map(|link| link["operationId"].as_str().unwrap().to_owned()));
            }
        }
    }
    assert!(!links.is_empty() && links.is_subset(&ids), "{links:?}");
    let text = document.to_string();
    for (start, _) in text.match_indices("\"#/components/schemas/") {
        let name = text[start + 22..].split('"').next().unwrap();
        assert!(document["components"]["schemas"][name] != Value::Null, "{name}");
    }
}

#[test]
fn guide_lists_every_code() {
    let mut table = "| status | code | retry | meaning |\n|---|---|---|---|\n".to_owned();
    for code in PROBLEM_CODES {
        let retry = serde_json::to_value(code.retry).unwrap();
        let retry = retry.as_str().unwrap();
        let _ =
            writeln!(table, "| {} | `{}` | `{retry}` | {} |", code.status, code.code, code.docs);
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/problems.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let start = guide.find("| status |").unwrap_or(guide.len());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{}{table}", &guide[..start])).unwrap();
        return;
    }
    assert_eq!(&guide[start..], table, "run this test with UPDATE_EXPECT=1");
}
