//! `If-Match` and `If-None-Match`, of commands and of reads.

use serde_json::json;
use uuid::Uuid;

use crate::client::Running;
use crate::library::{emma, library};

#[tokio::test]
async fn etag_of_a_read_is_a_precondition_of_a_command() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}", Uuid::from_u128(1));
    server.post(format!("{path}/add-book"), &emma()).send().await.expect(201);
    let read = server.get(&path).send().await;
    let tag = read.header("etag").to_owned();
    assert!(tag.starts_with("\"v1-") && tag.ends_with(".r1\""), "{tag}");

    let lender = json!({ "lender": Uuid::from_u128(9) });
    let lend =
        |tag: &str| server.post(format!("{path}/lend-book"), &lender).header("if-match", tag);
    let missing = server.post(format!("{path}/lend-book"), &lender).send().await;
    assert_eq!(missing.expect_problem(428)["code"], "precondition-required");
    // A proxy that compresses the answer weakens its tag.
    lend(&format!("W/{tag}")).send().await.expect(200);

    let stale = lend(&tag).send().await.expect_problem(412);
    assert_eq!(
        (stale["code"].as_str(), stale["version"].as_u64()),
        (Some("precondition-failed"), Some(2))
    );
    let current = stale["etag"].as_str().unwrap();
    lend(&format!("\"{current}\"")).send().await.expect_problem(423);
    lend(&format!("\"x\", \"{current}\"")).send().await.expect_problem(423);
    lend("*").send().await.expect_problem(423);
    lend("\"nonsense\"").send().await.expect_problem(412);
}

#[tokio::test]
async fn creating_command_may_demand_absence() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}/add-book", Uuid::from_u128(1));
    let add = || server.post(&path, &emma()).header("if-none-match", "*");
    add().send().await.expect(201);
    let problem = add().send().await.expect_problem(412);
    assert_eq!(
        (problem["code"].as_str(), problem["version"].as_u64()),
        (Some("precondition-failed"), Some(1))
    );
    let odd = server.post(&path, &emma()).header("if-none-match", "\"x\"").send().await;
    assert_eq!(odd.expect_problem(400)["code"], "invalid-parameter");
}

#[tokio::test]
async fn current_copy_is_not_sent_again() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}", Uuid::from_u128(1));
    server.post(format!("{path}/add-book"), &emma()).send().await.expect(201);
    let tag = server.get(&path).send().await.header("etag").to_owned();
    for copy in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
        let read = server.get(&path).header("if-none-match", &copy).send().await;
        assert_eq!((read.status, read.text.as_str()), (304, ""), "{copy}");
        assert_eq!(read.header("etag"), tag);
    }
    server.post(format!("{path}/return-book"), &json!({})).send().await.expect(200);
    let read = server.get(&path).header("if-none-match", &tag).send().await;
    assert_eq!(read.expect(200)["version"], 2);
}
