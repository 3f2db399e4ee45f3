//! Spans: every stage of a command has one, and no argument is in it.

use fluvius_core::{AggregateId, Domain, DomainContext, MemoryStore};
use fluvius_tests::purse::{MakePurse, PurseDomain, PutIn, TakeOut};
use fluvius_tests::trace::CapturedOutput;
use uuid::Uuid;

#[tokio::test]
async fn every_stage_has_a_span_without_arguments() {
    let (output, _guard) = CapturedOutput::of_this_thread();
    let builder = PurseDomain::builder(MemoryStore::new()).cache_capacity(0);
    let domain = builder.record_rejections(false).build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let id = Uuid::new_v4();
    session.send(id, MakePurse { coins: 100 }).await.unwrap();
    session.send(id, PutIn { coins: 424_242 }).await.unwrap();
    session.send(id, TakeOut { coins: 424_242_000 }).await.unwrap_err();
    let purse = session.aggregate(AggregateId::new("purse", id));
    let put_in = serde_json::json!({ "coins": 424_242 });
    session.process_command(purse.create_command("put-in", put_in).unwrap()).await.unwrap();
    let text = output.text();
    for stage in
        ["decode", "authorize", "load", "decide", "commit", "deduplicate", "publish", "command"]
    {
        let with_fields = format!("{stage}{{");
        let bare = format!("{stage}:");
        assert!(
            text.contains(&with_fields) || text.contains(&bare),
            "no span of {stage} in\n{text}"
        );
    }
    assert!(!text.contains("424242"), "an argument is in a span:\n{text}");
}
