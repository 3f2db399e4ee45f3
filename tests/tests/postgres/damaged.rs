//! Rows that another program has damaged.

use std::time::Duration;

use fluvius_core::query::Field;
use fluvius_core::{StateQuery, Store};
use fluvius_testing::servers::TestServer;

use crate::{OpenStore, bank, client};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_that_is_not_json_fails_its_load_and_no_query() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.open().await;
    let session = bank::session(&bank::runtime(store.clone(), Duration::from_secs(30)).await);
    bank::open_accounts(&session, 2).await;
    let all = store.query(&StateQuery::every(10)).await.unwrap();
    let [damaged, whole] = &all[..] else { panic!("{all:?}") };
    let client = client(server.url()).await;
    let damage = format!(
        r#"UPDATE "{}".resource_state SET data = left(data, 20) WHERE identifier = $1"#,
        schema.name()
    );
    assert_eq!(client.execute(&damage, &[&damaged.aggregate_id.id]).await.unwrap(), 1);
    let error = store.load(&damaged.aggregate_id).await.unwrap_err();
    assert!(!error.is_retryable() && error.to_string().contains("damaged"), "{error}");
    let is_whole = || Field::text("account_number").eq("1");
    let filters = [
        is_whole(),
        Field::number("account_number").eq(1),
        is_whole() & Field::boolean("owner_name").is_null(),
        is_whole() & Field::uuid("owner_name").is_null(),
        is_whole() & Field::time("owner_name").is_null(),
    ];
    for filter in filters {
        let query = StateQuery::for_resource("bank-account", 10).filter(filter);
        let found = store.query(&query).await.unwrap();
        assert_eq!(found, std::slice::from_ref(whole), "{query:?}");
    }
}
