//! Idempotency keys: the ids that are derived from a key of a caller.
//!
//! A caller that retries a request sends the same key again. The command id is a function of the
//! key and of the actor, so the retry has the same id and gets the first answer. Every surface of a
//! domain derives its ids here, so one key means the same command on all of them.

use uuid::Uuid;

use crate::model::DomainContext;

/// The namespace of all derived ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_ec1f_3a4c_4b0e_9b5e_0c4f_2f3f_a7d1);

/// Returns the id of the command that an actor sends to a domain under an idempotency key.
///
/// # Shape
/// A UUID of version 5 over the namespace of the domain, the realm, the user, the profile, the
/// organization and the key. Each part has a prefix with its length, so that no two lists of parts
/// have the same text. The keys of two actors, realms or domains never give the same id.
///
/// # Source
/// RFC 9562, section 5.5 (UUIDs of version 5); IETF draft-ietf-httpapi-idempotency-key-header-07.
///
/// # Examples
///
/// ```
/// use fluvius_core::{DomainContext, idempotency};
/// use uuid::Uuid;
///
/// let ada = DomainContext::create("api").with_user(Uuid::from_u128(1));
/// let id = idempotency::command_id("bank", &ada, "order-77");
/// assert_eq!(id, idempotency::command_id("bank", &ada, "order-77"));
/// assert_ne!(id, idempotency::command_id("bank", &ada.with_realm("north"), "order-77"));
/// ```
pub fn command_id(domain: &str, context: &DomainContext, key: &str) -> Uuid {
    let actor = context.actor();
    let mut name = Vec::with_capacity(96 + key.len());
    push(&mut name, Some(domain.as_bytes()));
    push(&mut name, context.realm().map(str::as_bytes));
    for id in [actor.user_id, actor.profile_id, actor.organization_id] {
        push(&mut name, id.as_ref().map(|id| id.as_bytes().as_slice()));
    }
    push(&mut name, Some(key.as_bytes()));
    Uuid::new_v5(&NAMESPACE, &name)
}

/// Returns the id of a command in an atomic group, from the id of the group and the index of the
/// command.
pub fn group_command_id(group: Uuid, index: usize) -> Uuid {
    Uuid::new_v5(&group, format!("command {index}").as_bytes())
}

/// Returns the id of the aggregate that a creating command creates, if the caller names none.
///
/// It is derived from the command id, so a retry of the command creates the same aggregate.
pub fn created_aggregate_id(command_id: Uuid) -> Uuid {
    Uuid::new_v5(&command_id, b"aggregate")
}

/// Appends a part with its length; an absent part differs from an empty one.
fn push(name: &mut Vec<u8>, part: Option<&[u8]>) {
    let length = part.map_or(u64::MAX, |part| part.len() as u64);
    name.extend_from_slice(&length.to_be_bytes());
    name.extend_from_slice(part.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_part_changes_the_id() {
        let id = Uuid::from_u128(7);
        let context = || DomainContext::create("test");
        let senders = [
            context(),
            context().with_realm(""),
            context().with_realm("north"),
            context().with_user(id),
            context().with_profile(id),
            context().with_organization(id),
            context().with_user(id).with_realm("north"),
        ];
        let mut ids = HashSet::new();
        let mut count = 0;
        for sender in &senders {
            for domain in ["", "bank", "bankn"] {
                for key in ["", "k", "north"] {
                    ids.insert(command_id(domain, sender, key));
                    count += 1;
                }
            }
        }
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn derived_ids_never_change() {
        // Clients retry across releases of the program, so the function is fixed.
        let sender = DomainContext::create("test").with_user(Uuid::from_u128(1)).with_realm("r");
        let id = command_id("bank", &sender, "key");
        let ids = [id, group_command_id(id, 2), created_aggregate_id(id)];
        let expected = [
            "2f1fe2c8-1891-59c7-b757-adba4da97441",
            "3fbd7372-51cf-59c2-8dde-d364c2c050e7",
            "48bd6855-37de-5510-951d-66a4b7f35d37",
        ];
        assert_eq!(ids.map(|id| id.to_string()), expected);
    }
}
