//! One row of the context log: who sent commands, and from where.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who acts: a user, under a profile, for an organization; each may be unknown.
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
    /// Who stands in the audit fields: the profile, else the user.
    pub fn id(&self) -> Option<Uuid> {
        self.profile_id.or(self.user_id)
    }
}

/// How commands come in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Transport {
    /// From Rust code of the same program.
    #[default]
    InProcess,
    /// Over HTTP.
    Http,
    /// From a queue or a broker.
    Queue,
    /// From a command line.
    Cli,
}

/// One row of the context log: a session's context as it is recorded.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ContextRecord {
    /// The context's identifier.
    pub id: Uuid,
    /// The domain's namespace.
    pub domain: Cow<'static, str>,
    /// The domain's revision.
    pub revision: u32,
    /// How the commands came in.
    pub transport: Transport,
    /// The sender's name.
    pub source: String,
    /// The headers on the runtime's allow-list.
    pub headers: BTreeMap<String, String>,
    /// Who acted.
    #[serde(flatten)]
    pub actor: Actor,
    /// The roles.
    pub roles: Vec<String>,
    /// The realm.
    pub realm: Option<String>,
    /// What the commands belonged to.
    pub correlation: Option<Uuid>,
    /// What had caused the commands.
    pub causation: Option<Uuid>,
}

impl ContextRecord {
    /// Returns the row of a context in this process, without actor, roles and realm, at revision 1 of its domain.
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
