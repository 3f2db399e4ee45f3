//! A policy by roles, from a file.
//!
//! ```json
//! {
//!     "teller": { "commands": ["open-account", "deposit-money"], "read": true },
//!     "auditor": { "read": true }
//! }
//! ```

use std::collections::HashMap;
use std::path::Path;

use fluvius::{Authorization, DomainContext, Operation, Policy, PolicyRequest, ReadRequest};
use serde::Deserialize;

/// The permissions of the senders with a role.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    /// The keys of the commands.
    #[serde(default)]
    commands: Vec<String>,
    /// Set for reading states, histories and events.
    #[serde(default)]
    read: bool,
    /// Set for operations.
    #[serde(default)]
    operate: bool,
}

/// The roles by name. A sender may do what one of its roles may.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Roles(HashMap<String, Role>);

impl Roles {
    /// Reads the roles from a file.
    ///
    /// # Errors
    /// An error that names the file if it cannot be read, or is not valid.
    pub(crate) fn from_file(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        serde_json::from_str(&text)
            .map_err(|error| format!("{} is no policy: {error}", path.display()))
    }

    fn decide(&self, context: &DomainContext, may: impl Fn(&Role) -> bool) -> Authorization {
        let mut roles = context.roles().iter().filter_map(|role| self.0.get(role));
        match roles.any(may) {
            true => Authorization::Allow,
            false => Authorization::deny("no role of the sender allows it"),
        }
    }
}

impl Policy for Roles {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        let key = request.action.key;
        self.decide(request.context, |role| role.commands.iter().any(|each| each == key))
    }

    async fn may_read(&self, _: &ReadRequest<'_>, context: &DomainContext) -> Authorization {
        self.decide(context, |role| role.read)
    }

    async fn may_operate(&self, _: Operation, context: &DomainContext) -> Authorization {
        self.decide(context, |role| role.operate)
    }
}
