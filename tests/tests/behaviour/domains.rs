//! Several aggregate types in a domain, several domains in a program, and collisions.

use fluvius_core::{
    Aggregate, Authorization, BuildError, Domain, DomainContext, DomainRuntime, MemoryStore,
    Policy, PolicyRequest, Problem, Rejection, SimpleRejection, aggregate,
};
use serde::{Deserialize, Serialize};

use fluvius_tests::fixture::{Fixture, id};
use fluvius_tests::store_snapshot::StoreSnapshot;
use fluvius_tests::ticket::{OpenTicket, TicketDomain};
use fluvius_tests::trace::CapturedOutput;

/// A rejection that no store can keep unchanged.
#[derive(Debug, thiserror::Error)]
#[error("bad\0message")]
pub struct NulRejection;

impl Rejection for NulRejection {
    fn code(&self) -> &str {
        "bad\0code"
    }
}

/// An aggregate type that rejects with a text that no store can keep.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NulRejecter {}

#[aggregate(resource = "nul-rejecter")]
impl NulRejecter {
    /// Reject.
    #[action(evt_key = "never-happened")]
    pub fn reject_with_nul() -> Result<Self, NulRejection> {
        Err(NulRejection)
    }
}

/// Domain for rejecting.
#[derive(Domain)]
#[domain(aggregates(NulRejecter))]
struct NulRefusingDomain;

pub async fn nul_rejecting(store: MemoryStore) -> DomainRuntime {
    NulRefusingDomain::runtime(store).await.unwrap()
}

mod shelf {
    use super::{Deserialize, Domain, Serialize, SimpleRejection, aggregate};

    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Shelf {
        pub books: Vec<String>,
    }

    #[aggregate(resource = "shelf")]
    impl Shelf {
        /// Put up a shelf.
        #[action(evt_key = "shelf-put-up")]
        pub fn put_up() -> Result<Self, SimpleRejection> {
            Ok(Self { books: vec![] })
        }

        /// Add a book.
        #[action(evt_key = "book-added")]
        pub fn add_book(&mut self, title: String) -> Result<(), SimpleRejection> {
            self.books.push(title);
            Ok(())
        }
    }

    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Reader {
        pub read: u64,
    }

    #[aggregate(resources = ["reader", "member"])]
    impl Reader {
        /// Enrol a reader.
        #[action(evt_key = "reader-enrolled")]
        pub fn enrol() -> Result<Self, SimpleRejection> {
            Ok(Self { read: 0 })
        }
    }

    /// Domain for books.
    #[derive(Domain)]
    #[domain(aggregates(Reader, Shelf))]
    pub struct LibraryDomain;

    /// Domain that also lists the shelves of the library.
    #[derive(Domain)]
    #[domain(aggregates(Shelf), namespace = "workshop")]
    pub struct WorkshopDomain;
}

/// Collides with [`shelf`] in everything.
mod other_shelf {
    use fluvius_core::__private::Sealed;
    use fluvius_core::{Aggregate, AggregateDescriptor, DomainMetadata};

    use super::{Deserialize, Domain, Serialize, SimpleRejection, aggregate};

    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Plank {}

    #[aggregate(resources = ["plank", "shelf", "member"])]
    impl Plank {
        /// Saw a plank.
        #[action(evt_key = "plank-sawn")]
        pub fn put_up() -> Result<Self, SimpleRejection> {
            Ok(Self {})
        }

        /// Add a book, as the shelf does.
        #[action(evt_key = "plank-loaded")]
        pub fn add_book(&mut self) -> Result<(), SimpleRejection> {
            Ok(())
        }
    }

    /// Domain with all collisions.
    #[derive(Domain)]
    #[domain(aggregates(super::shelf::Shelf, super::shelf::Reader, Plank))]
    pub struct BrokenDomain;

    /// Domain that lists an aggregate type twice, which the macro would reject.
    pub struct TwiceDomain;

    impl Sealed for TwiceDomain {}

    impl Domain for TwiceDomain {
        const METADATA: &'static DomainMetadata = BrokenDomain::METADATA;
        const AGGREGATES: &'static [&'static AggregateDescriptor] =
            &[Plank::DESCRIPTOR, Plank::DESCRIPTOR];
    }

    /// Domain with no aggregate type, and an invalid name.
    pub struct EmptyDomain;

    impl Sealed for EmptyDomain {}

    impl Domain for EmptyDomain {
        const METADATA: &'static DomainMetadata =
            &DomainMetadata { namespace: "Not Kebab", ..*BrokenDomain::METADATA };
        const AGGREGATES: &'static [&'static AggregateDescriptor] = &[];
    }
}

#[tokio::test]
async fn a_domain_runs_several_aggregate_types() {
    let fixture = Fixture::new::<shelf::LibraryDomain>().await;
    let session = &fixture.session;
    session.send(id(1), shelf::PutUp {}).await.unwrap();
    session.send(id(1), shelf::Enrol {}).await.unwrap();
    let added = session.send(id(1), shelf::AddBook { title: "Faust".to_owned() }).await.unwrap();
    assert_eq!((added.data.books.as_slice(), added.version), (&["Faust".to_owned()][..], 2));
    assert_eq!(fixture.snapshot().await.states.len(), 2);
    let registry = fixture.domain.registry();
    let keys: Vec<_> = registry.actions().iter().map(|action| action.key).collect();
    assert_eq!(keys, ["enrol", "add-book", "put-up"], "sorted by resource and key");
    let resources: Vec<_> = registry.resources().collect();
    assert_eq!(resources, ["member", "reader", "shelf"]);
    let shelf = registry.aggregate("shelf").unwrap().type_name();
    assert_eq!(shelf, std::any::type_name::<shelf::Shelf>());
    assert!(registry.aggregate("plank").is_none());
    assert_eq!(fixture.domain.metadata().namespace, "library");
    assert_eq!(fixture.domain.metadata().title, "Library Domain");
}

#[tokio::test]
async fn an_unlisted_aggregate_type_is_unknown() {
    let fixture = Fixture::new::<shelf::WorkshopDomain>().await;
    let error = fixture.session.send(id(1), shelf::Enrol {}).await.unwrap_err();
    assert_eq!(error.code(), "unknown-command");
    // Neither is a command of another aggregate type with the same key and name, on any aggregate.
    let on_ours = shelf::Shelf::aggregate_id(id(1));
    let error = fixture.session.send(id(1), other_shelf::PutUp {}).await.unwrap_err();
    assert_eq!(error.code(), "unknown-command");
    let error = fixture.session.send(on_ours, other_shelf::PutUp {}).await.unwrap_err();
    assert_eq!(error.code(), "unknown-command");
    assert_eq!(fixture.snapshot().await.commands, []);
}

#[tokio::test]
async fn several_domains_share_a_store_and_its_positions() {
    let store = MemoryStore::new();
    let library = shelf::LibraryDomain::runtime(store.clone()).await.unwrap();
    let tickets = TicketDomain::runtime(store.clone()).await.unwrap();
    let in_library = library.session(DomainContext::create("a"));
    let at_desk = tickets.session(DomainContext::create("b"));
    in_library.send(id(1), shelf::PutUp {}).await.unwrap();
    let open = || OpenTicket { title: "a".to_owned(), points: 0, tags: vec![] };
    at_desk.send(id(1), open()).await.unwrap();
    in_library.send(id(2), shelf::PutUp {}).await.unwrap();
    let log = StoreSnapshot::of(&store).await;
    let listed: Vec<_> =
        log.events.iter().map(|row| (row.record.domain.as_ref(), row.position)).collect();
    assert_eq!(listed, [("library", 2), ("ticketing", 4), ("library", 6)]);
    let error = at_desk.send(id(3), shelf::PutUp {}).await.unwrap_err();
    assert_eq!(error.code(), "unknown-command");

    // Over stores of their own, the domains are independent.
    let other = Fixture::new::<TicketDomain>().await;
    other.session.send(id(1), open()).await.unwrap();
    assert_eq!(StoreSnapshot::of(&store).await, log);
    assert_eq!(other.snapshot().await.commands[0].position, 1);
}

#[tokio::test]
async fn a_resource_belongs_to_one_domain_of_a_store() {
    let store = MemoryStore::new();
    shelf::LibraryDomain::runtime(store.clone()).await.unwrap();
    let error = shelf::WorkshopDomain::runtime(store.clone()).await.unwrap_err();
    assert!(matches!(error, BuildError::Store { namespace: "workshop", .. }));
    let text = error.to_string();
    for name in ["`library`", "`workshop`", "`shelf`"] {
        assert!(text.contains(name), "{text}");
    }
    // The text does not repeat the store's error, which is its source.
    assert!(std::error::Error::source(&error).is_none());
    // The same domain may be started again, and no resource was registered partially.
    shelf::LibraryDomain::runtime(store).await.unwrap();
}

#[tokio::test]
async fn one_error_lists_all_collisions_with_locations() {
    let store = MemoryStore::new();
    let error = other_shelf::BrokenDomain::runtime(store.clone()).await.unwrap_err();
    let text = error.to_string();
    let BuildError::Domain { namespace, problems } = error else { panic!("{text}") };
    assert_eq!(namespace, "broken");
    let found: Vec<_> = problems
        .iter()
        .map(|problem| match problem {
            Problem::Resource { resource, places } => ("resource", *resource, places.len()),
            Problem::Key { key, places } => ("key", *key, places.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        found,
        [
            ("resource", "member", 2),
            ("resource", "shelf", 2),
            ("key", "add-book", 2),
            ("key", "put-up", 2)
        ]
    );
    for method in ["fn put_up()", "fn add_book("] {
        for (index, _) in include_str!("domains.rs").match_indices(method).take(2) {
            let line = include_str!("domains.rs")[..index].lines().count();
            assert!(text.contains(&format!("domains.rs:{line} ")), "line {line} in {text}");
        }
    }
    for name in ["behaviour::domains::shelf::Shelf", "behaviour::domains::other_shelf::Plank"] {
        assert!(text.contains(name), "{text}");
    }
    // A domain that fails to build has registered nothing.
    shelf::LibraryDomain::runtime(store).await.unwrap();

    let error = other_shelf::TwiceDomain::runtime(MemoryStore::new()).await.unwrap_err();
    let BuildError::Domain { problems, .. } = error else { panic!("{error}") };
    assert_eq!(problems.len(), 3 + 2, "{problems:?}");
    let error = other_shelf::EmptyDomain::runtime(MemoryStore::new()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("it lists no aggregate") && text.contains("`Not Kebab`"), "{text}");
}

/// Allows everything.
struct AllowAll;

impl Policy for AllowAll {
    async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
        Authorization::Allow
    }
}

#[tokio::test]
async fn a_domain_without_policy_logs_a_warning() {
    let (trace, _guard) = CapturedOutput::of_this_thread();
    shelf::LibraryDomain::runtime(MemoryStore::new()).await.unwrap();
    let text = trace.text();
    let line = text.lines().find(|line| line.contains("domain started")).unwrap();
    assert!(line.contains("WARN") && line.contains("without a policy"), "{line}");
    assert!(line.contains("library"), "{line}");

    let builder = TicketDomain::builder(MemoryStore::new()).policy(AllowAll);
    builder.build().await.unwrap();
    let text = trace.text();
    let line = text.lines().rfind(|line| line.contains("domain started")).unwrap();
    assert!(line.contains("INFO") && line.contains("with a policy"), "{line}");
    assert!(line.contains("ticketing"), "{line}");
}
