//! Sends commands to a domain, and prints its answers and events.

use courses::CoursesDomain;
use fluvius::serde_json::json;
use fluvius::{Domain, DomainContext, MemoryStore};
use uuid::Uuid;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let domain = CoursesDomain::runtime(MemoryStore::new()).await?;
    let mut session = domain.session(DomainContext::create("front desk"));
    session.set_aggroot("course", Uuid::new_v4());

    for (key, payload) in [
        ("announce-course", json!({ "title": "Bookbinding", "seats": 1 })),
        ("book-seat", json!({ "name": "Ada" })),
        ("book-seat", json!({ "name": "Grace" })),
        ("count-free-seats", json!({})),
    ] {
        let command = session.create_command(key, payload)?;
        match session.process_command(command).await {
            Ok(response) => println!("{key}: {}", response.data),
            Err(error) => println!("{key}: {}: {error}", error.code()),
        }
    }

    println!();
    for entry in domain.log().events().await?.rows {
        let event = &entry.record;
        println!("version {} {} {}", event.version, event.key(), event.args);
    }
    Ok(())
}
