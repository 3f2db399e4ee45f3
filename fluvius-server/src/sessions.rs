//! Sessions of a domain, kept by sender.
//!
//! A session has one row in the context log. A sender of many requests would otherwise leave one
//! row for each of them, all equal.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use fluvius_core::{Actor, DomainContext, DomainRuntime, Session, Transport};
use foldhash::fast::RandomState;

/// Maximum number of kept sessions.
const MAX_SESSIONS: usize = 10_000;

/// A sender, by all parts of a context that do not differ between its requests.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    transport: &'static str,
    source: String,
    actor: Actor,
    realm: Option<String>,
    roles: Vec<String>,
}

/// The kept sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<Key, (DomainContext, Session), RandomState>>);

impl Sessions {
    /// Returns the session of a context. Its commands do not wait for a permit.
    pub(crate) fn get(&self, runtime: &DomainRuntime, context: &DomainContext) -> Session {
        let new = || runtime.session(context.clone()).fail_fast();
        // A context of a trace belongs to one request.
        if context.correlation().is_some() || context.causation().is_some() {
            return new();
        }
        let key = Key {
            transport: transport(context.transport()),
            source: context.source().to_owned(),
            actor: context.actor(),
            realm: context.realm().map(str::to_owned),
            roles: context.roles().to_vec(),
        };
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Headers are no part of the key.
        let same = |(known, session): &(DomainContext, Session)| {
            (known == context).then(|| session.clone())
        };
        let known = lock().get(&key).map(same);
        // The program's generator of ids runs outside of the lock.
        match known {
            Some(same) => same.unwrap_or_else(new),
            None => {
                let session = new();
                let mut sessions = lock();
                if sessions.len() >= MAX_SESSIONS {
                    sessions.clear();
                }
                sessions.entry(key).or_insert((context.clone(), session)).1.clone()
            }
        }
    }
}

fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Http => "http",
        Transport::Mcp => "mcp",
        Transport::Console => "console",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluvius_core::uuid::Uuid;
    use fluvius_core::{Domain, MemoryStore, SimpleRejection, aggregate};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Thing {}

    #[aggregate(resource = "thing")]
    impl Thing {
        /// Make a thing.
        #[action(evt_key = "thing-made")]
        fn make_thing() -> Result<Self, SimpleRejection> {
            Ok(Self {})
        }
    }

    #[derive(Debug, Domain)]
    #[domain(aggregates(Thing))]
    struct ThingDomain;

    #[tokio::test]
    async fn equal_senders_share_a_session() {
        let runtime = ThingDomain::runtime(MemoryStore::new()).await.unwrap();
        let sessions = Sessions::default();
        let of = |context: DomainContext| sessions.get(&runtime, &context).context_id();
        let context = || DomainContext::create("http").with_user(Uuid::from_u128(1));
        assert_eq!(of(context()), of(context()));
        for other in [
            context().with_realm("north"),
            context().with_role("teller"),
            context().with_user(Uuid::from_u128(2)),
            context().with_transport(Transport::Http),
            context().with_header("x", "1"),
            DomainContext::create("other").with_user(Uuid::from_u128(1)),
        ] {
            assert_ne!(of(context()), of(other.clone()), "{other:?}");
        }
        let traced = context().with_correlation(Uuid::from_u128(3));
        assert_ne!(of(traced.clone()), of(traced));
    }

    #[tokio::test]
    async fn number_of_sessions_is_bounded() {
        let runtime = ThingDomain::runtime(MemoryStore::new()).await.unwrap();
        let sessions = Sessions::default();
        for user in 0..10_001 {
            let context = DomainContext::create("http").with_user(Uuid::from_u128(user));
            sessions.get(&runtime, &context);
        }
        assert_eq!(sessions.0.lock().unwrap().len(), 1);
    }
}
