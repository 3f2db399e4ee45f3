//! A row of the context log: the sender of commands, and their origin.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The actor: a user, under a profile, for an organization. Each part may be unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// The user.
    pub user_id: Option<Uuid>,
    /// The user's profile.
    pub profile_id: Option<Uuid>,
    /// The organization.
    pub organization_id: Option<Uuid>,
}

impl Actor {
    /// Returns the id for the audit fields: that of the profile, else that of the user.
    pub fn id(&self) -> Option<Uuid> {
        self.profile_id.or(self.user_id)
    }
}

/// The transport of commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Transport {
    /// A call from Rust code of the same program.
    #[default]
    InProcess,
    /// HTTP.
    Http,
    /// A queue or a broker.
    Queue,
    /// A command line.
    Cli,
    /// The Model Context Protocol.
    Mcp,
    /// A web console.
    Console,
}

/// A row of the context log: a session's context, as recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ContextRecord {
    /// The context's identifier.
    pub id: Uuid,
    /// The domain's namespace.
    pub domain: Cow<'static, str>,
    /// The domain's revision.
    pub revision: u32,
    /// The transport of the commands.
    pub transport: Transport,
    /// The sender's name.
    pub source: String,
    /// The headers on the runtime's allow-list.
    pub headers: BTreeMap<String, String>,
    /// The actor.
    #[serde(flatten)]
    pub actor: Actor,
    /// The roles.
    pub roles: Vec<String>,
    /// The realm.
    pub realm: Option<String>,
    /// The correlation id, which links commands across services.
    pub correlation: Option<Uuid>,
    /// The causation id: the id of the cause of the commands.
    pub causation: Option<Uuid>,
}

impl ContextRecord {
    /// Returns the row of an in-process context without actor, roles and realm, at revision 1 of
    /// its domain.
    pub fn new(id: Uuid, domain: impl Into<Cow<'static, str>>, source: impl Into<String>) -> Self {
        Self {
            id,
            domain: domain.into(),
            revision: 1,
            transport: Transport::InProcess,
            source: source.into(),
            headers: BTreeMap::new(),
            actor: Actor::default(),
            roles: Vec::new(),
            realm: None,
            correlation: None,
            causation: None,
        }
    }
}
