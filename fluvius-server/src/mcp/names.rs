//! The names of tools.

use fluvius_core::DomainRuntime;

/// Maximum length of a name. Clients refuse longer ones.
const MAX_LENGTH: usize = 64;

/// The reads that each resource has.
const READS: [&str; 3] = ["get", "query", "history"];

/// The naming of a server's tools: with the namespace in front if it has several domains.
#[derive(Debug, Clone, Copy)]
pub(super) struct Naming {
    has_namespace: bool,
}

impl Naming {
    pub(super) fn new(domain_count: usize) -> Self {
        Self { has_namespace: domain_count > 1 }
    }

    /// Returns the name of the tool for an action: `deposit-money`, or `bank_deposit-money`.
    pub(super) fn of_action(self, namespace: &str, key: &str) -> String {
        if self.has_namespace { format!("{namespace}_{key}") } else { key.to_owned() }
    }

    /// Returns the name of the tool for a read: `bank-account_get`.
    pub(super) fn of_read(self, namespace: &str, resource: &str, read: &str) -> String {
        self.of_action(namespace, &format!("{resource}_{read}"))
    }
}

/// Returns the faults of the names of all tools. No name is shortened, since a model must know the
/// tool by the name that its author reads.
pub(crate) fn faults(domains: &[DomainRuntime]) -> Vec<String> {
    let naming = Naming::new(domains.len());
    let mut faults = Vec::new();
    for domain in domains {
        let (namespace, registry) = (domain.metadata().namespace, domain.registry());
        let actions = registry.actions().into_iter();
        for action in actions.filter(|action| action.mcp && !action.internal) {
            let name = naming.of_action(namespace, action.key);
            if let Some(fault) = fault(&name) {
                let type_name = (action.aggregate)().type_name();
                let (method, location) = (action.method, action.location);
                faults.push(format!(
                    "the MCP tool `{name}` of `{type_name}::{method}` ({location}) {fault}: set \
                     another `key`, or `#[action(mcp = false)]`"
                ));
            }
        }
        for resource in registry.resources() {
            let names = READS.map(|read| naming.of_read(namespace, resource, read));
            if let Some((name, fault)) = names.iter().find_map(|name| Some((name, fault(name)?))) {
                faults.push(format!(
                    "the MCP tool `{name}` of the resource `{resource}` {fault}: rename the \
                     resource, or call `without_mcp`"
                ));
            }
        }
    }
    faults
}

/// Returns the requirement of clients that a name does not meet.
fn fault(name: &str) -> Option<String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !name.bytes().all(is_allowed) {
        return Some("has other characters than letters, digits, `_` and `-`".to_owned());
    }
    let length = name.len();
    (length > MAX_LENGTH).then(|| format!("has {length} characters, and {MAX_LENGTH} are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_namespace_of_one_of_several_domains() {
        assert_eq!(Naming::new(1).of_action("bank", "deposit-money"), "deposit-money");
        assert_eq!(Naming::new(2).of_action("bank", "deposit-money"), "bank_deposit-money");
        assert_eq!(Naming::new(2).of_read("bank", "bank-account", "get"), "bank_bank-account_get");
    }

    #[test]
    fn names_that_clients_refuse_are_faults() {
        assert_eq!(fault(&"a".repeat(64)), None);
        assert!(fault(&"a".repeat(65)).is_some_and(|fault| fault.contains("65")));
        for refused in ["a.b", "a b", "ä"] {
            assert!(fault(refused).is_some(), "{refused}");
        }
    }
}
