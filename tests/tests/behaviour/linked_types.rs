//! The linked list: all aggregate types in the program, including those that no domain uses.
//!
//! Other tests build domains of named aggregate types. Only these tests read the list.

use fluvius_core::registry::linked;
use fluvius_core::{Domain, MemoryStore, SimpleRejection, aggregate};
use serde::{Deserialize, Serialize};

use fluvius_tests::trace::CapturedOutput;

/// An aggregate type of no domain.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forgotten {}

#[aggregate(resource = "forgotten")]
impl Forgotten {
    /// Come into being.
    #[action(evt_key = "came-into-being")]
    pub fn come_into_being() -> Result<Self, SimpleRejection> {
        Ok(Self {})
    }
}

#[tokio::test]
async fn linked_types_are_sorted_and_orphans_are_reported() {
    let actions = linked::actions();
    let keys: Vec<_> = actions.iter().map(|action| (action.resources, action.key)).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    for key in ["deposit-money", "receive-transfer", "open-ticket", "run", "come-into-being"] {
        assert!(actions.iter().any(|action| action.key == key), "{key}");
    }
    let domains = linked::domains();
    let names: Vec<_> = domains.iter().map(|(meta, _)| meta.namespace).collect();
    assert!(names.is_sorted(), "{names:?}");
    for name in ["transaction-manager", "ticketing", "probing", "library"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let name = std::any::type_name::<Forgotten>();
    let orphans: Vec<_> = linked::orphans().iter().map(|orphan| orphan.type_name()).collect();
    assert_eq!(orphans, [name]);

    let (trace, _guard) = CapturedOutput::of_this_thread();
    fluvius_tests::ticket::TicketDomain::runtime(MemoryStore::new()).await.unwrap();
    let text = trace.text();
    let line = text.lines().find(|line| line.contains("belongs to no domain")).unwrap();
    assert!(
        line.contains("WARN") && line.contains(name) && line.contains("linked_types.rs:"),
        "{line}"
    );
    assert!(!text.contains(std::any::type_name::<fluvius_tests::ticket::Ticket>()), "{text}");
}
