//! The handshake, and the lists of tools.

use fluvius::server::Server;
use fluvius::{Domain, MemoryStore};
use serde_json::{Value, json};

use super::desk::{ThingDomain, branches, desk};
use super::{REVISIONS, Revision, error};
use crate::client::Running;
use crate::library::library;

async fn tools(server: &Running, revision: Revision) -> Vec<Value> {
    let result = revision.result(server, "tools/list", &json!({})).await;
    result["tools"].as_array().unwrap().clone()
}

fn find<'a>(tools: &'a [Value], name: &str) -> &'a Value {
    tools.iter().find(|tool| tool["name"] == name).unwrap()
}

fn names(tools: &[Value]) -> Vec<&str> {
    tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn server_introduces_itself_in_both_revisions() {
    let server = Running::of(library().await).await;
    let client = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    let old = Revision::V2025.result(&server, "initialize", &client).await;
    assert_eq!(old["protocolVersion"], "2025-11-25");
    let new = Revision::V2026.result(&server, "server/discover", &json!({})).await;
    assert!(new["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{new}");
    for introduction in [old, new] {
        assert_eq!(introduction["capabilities"], json!({ "tools": {} }), "{introduction}");
        assert!(introduction["instructions"].is_string(), "{introduction}");
    }
}

#[tokio::test]
async fn each_action_and_read_is_a_tool() {
    let server = Running::of(library().await).await;
    for revision in REVISIONS {
        let tools = tools(&server, revision).await;
        let expected = [
            "add-book",
            "book_get",
            "book_history",
            "book_query",
            "burn-book",
            "count-words",
            "lend-book",
            "open-shelf",
            "remove-book",
            "return-book",
        ];
        assert_eq!(names(&tools), expected);
        for tool in &tools {
            for schema in [&tool["inputSchema"], &tool["outputSchema"]] {
                assert_eq!(schema["type"], "object", "{tool}");
                assert_complete(schema, schema);
            }
            assert!(!tool["description"].as_str().unwrap().is_empty(), "{tool}");
        }
    }
}

/// Checks that each reference of a schema leads to a definition in the same schema.
fn assert_complete(schema: &Value, root: &Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                let target = target.strip_prefix('#').unwrap();
                assert!(root.pointer(target).is_some(), "{target}: {root}");
            }
            members.values().for_each(|member| assert_complete(member, root));
        }
        Value::Array(items) => items.iter().for_each(|item| assert_complete(item, root)),
        _ => {}
    }
}

#[tokio::test]
async fn schemas_have_the_arguments_of_the_action() {
    let server = Running::of(library().await).await;
    let tools = tools(&server, Revision::V2026).await;
    let add = &find(&tools, "add-book")["inputSchema"];
    assert_eq!(add["required"], json!(["payload"]));
    assert_eq!(add["additionalProperties"], false);
    let title = &add["properties"]["payload"]["properties"]["title"];
    assert_eq!(title["description"], "The title.");
    assert!(add["properties"]["if_match"].is_null());
    let lend = &find(&tools, "lend-book")["inputSchema"];
    assert_eq!(lend["required"], json!(["id", "payload", "if_match"]));
    let read = &find(&tools, "book_get")["outputSchema"];
    assert!(read["$defs"]["Shelf"].is_object(), "{read}");
}

#[tokio::test]
async fn annotations_follow_the_life_cycle() {
    let server = Running::of(library().await).await;
    let tools = tools(&server, Revision::V2025).await;
    for (name, reads, destroys, repeats) in [
        ("book_get", true, false, true),
        ("count-words", true, false, true),
        ("add-book", false, false, false),
        ("return-book", false, false, false),
        ("open-shelf", false, false, false),
        ("remove-book", false, true, true),
    ] {
        let expected = json!({
            "readOnlyHint": reads,
            "destructiveHint": destroys,
            "idempotentHint": repeats,
            "openWorldHint": false,
        });
        assert_eq!(find(&tools, name)["annotations"], expected, "{name}");
    }
}

#[tokio::test]
async fn description_has_docs_rejections_and_deprecation() {
    let server = Running::of(library().await).await;
    let tools = tools(&server, Revision::V2025).await;
    let lend = find(&tools, "lend-book")["description"].as_str().unwrap();
    assert_eq!(lend, "Lend the book.\n\nRejections: `lent`, `wrong-code`, `no-pages`.");
    let given_back = find(&tools, "return-book")["description"].as_str().unwrap();
    assert!(given_back.starts_with("Deprecated since 2"), "{given_back}");
    assert!(given_back.contains("use the machine.\n\nTake the book back."), "{given_back}");
    assert!(given_back.contains("2027-06-30"), "{given_back}");
}

#[tokio::test]
async fn several_domains_prefix_their_tools() {
    let server = Server::new().mount(library().await).mount(desk().await);
    let server = Running::start(server).await;
    let tools = tools(&server, Revision::V2026).await;
    let names = names(&tools);
    assert!(names.contains(&"library_add-book"), "{names:?}");
    assert!(names.contains(&"desk_note_get"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("stamp") || name.contains("copy")), "{names:?}");
    let resource = &find(&tools, "desk_write-note")["inputSchema"]["properties"]["resource"];
    assert_eq!(resource["enum"], json!(["note", "draft"]));
}

#[tokio::test]
async fn list_has_pages() {
    let mut server = Server::new();
    for branch in branches().await {
        server = server.mount(branch);
    }
    let server = Running::start(server).await;
    for revision in REVISIONS {
        let (mut all, mut cursor) = (Vec::new(), json!({}));
        let mut page_count = 0;
        while !cursor.is_null() {
            let page = revision.result(&server, "tools/list", &cursor).await;
            all.extend(names(page["tools"].as_array().unwrap()).into_iter().map(str::to_owned));
            cursor = match &page["nextCursor"] {
                Value::Null => Value::Null,
                next => json!({ "cursor": next }),
            };
            page_count += 1;
        }
        assert_eq!((page_count, all.len()), (2, 60));
        all.dedup();
        assert_eq!(all.len(), 60);
        let unknown = json!({ "cursor": "nowhere" });
        let answer = revision.request_as(&server, (0, ""), "tools/list", &unknown).await;
        assert_eq!(error(&answer)["code"], -32602);
    }
}

#[tokio::test]
async fn name_that_is_too_long_is_a_fault() {
    let things = ThingDomain::runtime(MemoryStore::new()).await.unwrap();
    let server = || Server::new().mount(things.clone()).allow_anonymous();
    let fault = server().into_router().unwrap_err().to_string();
    for part in ["Thing::do_thing", "desk.rs", "78 characters", "mcp = false"] {
        assert!(fault.contains(part), "{part}: {fault}");
    }
    assert!(server().without_mcp().into_router().is_ok());
}
