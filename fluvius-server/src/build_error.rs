//! The faults of a server that are found when it is built.

use std::collections::HashSet;
use std::fmt;

use fluvius_core::DomainRuntime;

/// Namespaces that would collide with routes of the server.
const RESERVED_DOMAINS: [&str; 9] =
    ["openapi.json", "problems", "livez", "readyz", "metrics", "console", "mcp", ".well-known", ""];

/// Resources that would collide with routes of a domain.
const RESERVED_RESOURCES: [&str; 4] = ["meta", "events", "atomic", "commands"];

/// Commands that would collide with routes of an aggregate.
const RESERVED_COMMANDS: [&str; 1] = ["history"];

/// A server that cannot be built, with all of its faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    faults: Vec<String>,
}

impl BuildError {
    /// Returns the faults, each as a sentence that says what to do.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    pub(crate) fn public_url(url: &str) -> Self {
        let fault = format!(
            "the public URL `{url}` is not a scheme and a host, such as `https://bank.example`: \
             set a path with `base_path`"
        );
        Self { faults: vec![fault] }
    }

    pub(crate) fn base_path(path: &str) -> Self {
        let fault = format!(
            "the base path `{path}` does not begin with `/`, or has `{{` or `}}`: write `/api`"
        );
        Self { faults: vec![fault] }
    }

    pub(crate) fn origin(origin: &str) -> Self {
        let fault = format!("`{origin}` is no origin: write `https://shop.example`");
        Self { faults: vec![fault] }
    }

    pub(crate) fn unauthenticated() -> Self {
        Self {
            faults: vec![
                "the server has no authenticator: call `authenticate`, or `allow_anonymous` if \
                 every sender may do everything that the policy allows"
                    .to_owned(),
            ],
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server cannot be built: ")?;
        f.write_str(&self.faults.join("; "))
    }
}

impl std::error::Error for BuildError {}

/// Checks that each path has one route.
///
/// # Errors
/// `faults`, all names that are reserved, and all namespaces that two domains have.
pub(crate) fn check_names(
    domains: &[DomainRuntime],
    mut faults: Vec<String>,
) -> Result<(), BuildError> {
    if domains.is_empty() {
        faults.push("the server has no domain: call `mount`".to_owned());
    }
    let mut seen = HashSet::new();
    for domain in domains {
        let namespace = domain.metadata().namespace;
        if !seen.insert(namespace) {
            faults.push(format!("two domains have the namespace `{namespace}`: rename one"));
        }
        if RESERVED_DOMAINS.contains(&namespace) {
            faults.push(format!("the namespace `{namespace}` is reserved: rename the domain"));
        }
        for resource in domain.registry().resources() {
            if RESERVED_RESOURCES.contains(&resource) {
                faults.push(format!("the resource `{resource}` is reserved: rename it"));
            }
        }
        for action in domain.registry().actions() {
            if RESERVED_COMMANDS.contains(&action.key) {
                faults.push(format!(
                    "the command key `{}` ({}) is reserved: set another `key`",
                    action.key, action.location
                ));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(BuildError { faults }) }
}
