//! Routes for operators, and those of the Python original.

use std::net::{SocketAddr, TcpListener};

use fluvius::server::Server;
use fluvius::{
    Authorization, Domain, DomainContext, MemoryStore, Operation, Policy, PolicyRequest,
};
use serde_json::json;
use uuid::Uuid;

use crate::client::Running;
use crate::library::{LibraryDomain, emma, library};
use crate::people::{Person, Trusting};

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn listener_for_operators_has_details() {
    let address = free_address();
    let server = Server::new().mount(library().await).authenticate(Trusting).operations(address);
    let mut server = Running::start(server.metrics(|| "commands_total 3\n".to_owned())).await;
    // Once the server answers here, it listens there.
    server.get("/livez").send().await.expect(200);
    let main = std::mem::replace(&mut server.address, address);
    let ready = server.get("/readyz").send().await.expect(200);
    let library = json!({
        "namespace": "library",
        "revision": 0,
        "store": "ok",
        "subscriptions": { "unowned": 0, "stopped": 0, "stuck": 0, "parked": 0 },
    });
    assert_eq!(ready, json!({ "status": "ok", "draining": false, "domains": [library] }));
    let metrics = server.get("/metrics").send().await;
    assert_eq!((metrics.status, metrics.text.as_str()), (200, "commands_total 3\n"));
    assert_eq!(server.get("/library/book").send().await.status, 404);
    server.address = main;
    server.get("/metrics").send().await.expect_problem(401);
    server.stop().await;
}

struct Operators;

impl Policy for Operators {
    async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
        Authorization::Allow
    }

    async fn may_operate(&self, operation: Operation, context: &DomainContext) -> Authorization {
        match operation == Operation::Metrics && context.roles().contains(&"operator".to_owned()) {
            true => Authorization::Allow,
            false => Authorization::deny("only operators"),
        }
    }
}

#[tokio::test]
async fn metrics_need_the_permission_to_operate() {
    let domain = LibraryDomain::builder(MemoryStore::new()).policy(Operators).build().await;
    let server = Server::new().mount(domain.unwrap()).authenticate(Trusting);
    let server = Running::start(server.metrics(|| "commands_total 3\n".to_owned())).await;
    let person = |role| Person { user: 1, realm: None, role };
    let metrics = |role| person(role).sends(server.get("/metrics")).send();
    assert_eq!(metrics("operator").await.status, 200);
    assert_eq!(metrics("reader").await.expect_problem(403)["code"], "permission-denied");
}

#[tokio::test]
async fn program_without_metrics_has_no_route_for_them() {
    let server = Running::of(library().await).await;
    assert_eq!(server.get("/metrics").send().await.expect_problem(404)["code"], "not-found");
}

#[tokio::test]
async fn routes_of_the_original_work_beside_the_others() {
    let server = Running::start(Server::new().mount(library().await).compat_upstream()).await;
    let id = Uuid::from_u128(1);
    let added = server.post(format!("/library:add-book/book/{id}"), &emma()).send().await;
    assert_eq!(added.expect(201)["identifier"], json!(id));
    let new = server.post("/library:add-book/book/:new", &emma()).send().await;
    new.expect(201);
    server.get(format!("/library/book/{id}")).send().await.expect(200);
    let code = json!({ "code": "x" });
    let rejected = server.post(format!("/library:open-shelf/book/{id}"), &code).send().await;
    let problem = rejected.expect_problem(403);
    assert_eq!(problem["errcode"], "wrong-code");
    assert_eq!(problem["errmesg"], problem["detail"]);
    let odd = json!({ "code": 1 });
    let invalid = server.post(format!("/library:open-shelf/book/{id}"), &odd).send().await;
    assert_eq!(invalid.expect_problem(422)["errdata"]["path"], "/code");
    // Only the original's routes have the original's members.
    let other = server.post(format!("/library/book/{id}/open-shelf"), &code).send().await;
    assert!(other.expect_problem(403).get("errcode").is_none());
    let document = server.get("/openapi.json").send().await;
    assert!(!document.text.contains("library:"), "the document has the original's routes");
    let server = Running::of(library().await).await;
    server.post("/library:add-book/book/:new", &emma()).send().await.expect_problem(404);
}
