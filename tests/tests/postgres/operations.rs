//! The rows of operations, which name no aggregate of the domain.

use banking_domain::TransactionManagerDomain;
use fluvius_core::verify::verify;
use fluvius_core::{Domain, DomainContext, Operation};
use fluvius_testing::servers::TestServer;

use crate::{OpenStore, bank};

#[tokio::test]
async fn logs_with_operations_are_sound() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.open().await;
    let domain = TransactionManagerDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("operator").with_realm("north"));
    session.may_operate(Operation::Export).await.unwrap();
    bank::open_accounts(&bank::session(&domain), 1).await;
    session.may_operate(Operation::Verify).await.unwrap();
    let rows = session.log().activities().await.unwrap().rows;
    let messages: Vec<_> = rows.iter().map(|row| row.record.message.as_ref()).collect();
    assert_eq!(messages, ["operation `export` is allowed", "operation `verify` is allowed"]);
    let found = verify(&store).await.unwrap();
    assert!(found.is_sound(), "{found}");
    assert_eq!(found.activities, 2);
}
