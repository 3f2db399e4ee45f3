//! Logs are append-only.

use fluvius_testing::servers::TestServer;

use crate::{OpenStore, client};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_logs_cannot_be_updated_deleted_or_truncated() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let _store = schema.open().await;
    let client = client(server.url()).await;
    client.batch_execute(&format!("SET search_path = \"{}\"", schema.name())).await.unwrap();
    let rows = "
        INSERT INTO command_log VALUES (1, gen_random_uuid(), NULL, 'd', 1, 'c', 'r', \
        gen_random_uuid(), '{}', '', \
            gen_random_uuid(), 'applied', NULL, NULL, now());
        INSERT INTO event_log VALUES (2, gen_random_uuid(), 'd', 1, 'e', 'r', gen_random_uuid(), \
        1, \
            gen_random_uuid(), '{}', NULL, '{}', now());
        INSERT INTO message_log
                VALUES (3, gen_random_uuid(), 'k', '{}', gen_random_uuid(), 'r', gen_random_uuid());
        INSERT INTO activity_log VALUES (4, gen_random_uuid(), 'r', gen_random_uuid(), \
        gen_random_uuid(), \
            gen_random_uuid(), 'm', 'user-action', NULL, NULL, NULL);
        INSERT INTO context_log VALUES (gen_random_uuid(), 'd', 1, 'http', 's', '{}', NULL, NULL, \
        NULL, '[]', NULL, \
            NULL, NULL);";
    client.batch_execute(rows).await.unwrap();
    let logs = ["command_log", "event_log", "message_log", "activity_log", "context_log"];
    for log in logs {
        let changes = [
            format!("UPDATE {log} SET id = gen_random_uuid()"),
            format!("DELETE FROM {log}"),
            format!("TRUNCATE {log}"),
        ];
        for change in changes {
            let error = client.batch_execute(&change).await.unwrap_err();
            let message = error.as_db_error().unwrap().message();
            assert!(message.starts_with(&format!("rows of `{log}` are append-only")), "{message}");
        }
        let count = client.query_one(&format!("SELECT count(*) FROM {log}"), &[]).await.unwrap();
        assert_eq!(count.get::<_, i64>(0), 1, "{log}");
    }
}
