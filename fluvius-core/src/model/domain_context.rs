//! The domain context: the sender of a command, its origin, and its actor.

use std::collections::BTreeMap;
use std::fmt;

use fluvius_store::{Actor, ContextRecord, Transport};
use uuid::Uuid;

use crate::model::DomainMetadata;

/// The sender of a session's commands, and their origin.
///
/// # Examples
///
/// ```
/// use fluvius_core::{DomainContext, Transport};
/// use uuid::Uuid;
///
/// let context = DomainContext::create("front desk")
///     .with_transport(Transport::Http)
///     .with_user(Uuid::from_u128(7))
///     .with_realm("north")
///     .with_role("teller");
/// assert_eq!(context.actor().user_id, Some(Uuid::from_u128(7)));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DomainContext {
    pub(crate) transport: Transport,
    pub(crate) source: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) actor: Actor,
    pub(crate) realm: Option<String>,
    pub(crate) roles: Vec<String>,
    pub(crate) correlation: Option<Uuid>,
    pub(crate) causation: Option<Uuid>,
}

/// Prints only the names of the headers, since their values may hold credentials.
impl fmt::Debug for DomainContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainContext")
            .field("transport", &self.transport)
            .field("source", &self.source)
            .field("headers", &self.headers.keys())
            .field("actor", &self.actor)
            .field("realm", &self.realm)
            .field("roles", &self.roles)
            .field("correlation", &self.correlation)
            .field("causation", &self.causation)
            .finish()
    }
}

impl DomainContext {
    /// Creates a context with the name of the sender, which is free text.
    pub fn create(source: impl Into<String>) -> Self {
        Self { source: source.into(), ..Self::default() }
    }

    /// Sets the transport of the commands.
    #[must_use]
    pub fn with_transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// Adds a header of the request. Names are case-insensitive. Only headers on the runtime's
    /// allow-list are recorded.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.into());
        self
    }

    /// Sets the user.
    #[must_use]
    pub fn with_user(mut self, user_id: Uuid) -> Self {
        self.actor.user_id = Some(user_id);
        self
    }

    /// Sets the profile of the user.
    #[must_use]
    pub fn with_profile(mut self, profile_id: Uuid) -> Self {
        self.actor.profile_id = Some(profile_id);
        self
    }

    /// Sets the organization of the user.
    #[must_use]
    pub fn with_organization(mut self, organization_id: Uuid) -> Self {
        self.actor.organization_id = Some(organization_id);
        self
    }

    /// Sets the realm (tenant). Aggregates of other realms do not exist for this session.
    #[must_use]
    pub fn with_realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Adds a role.
    #[must_use]
    pub fn with_role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Sets the correlation id, which links commands across services.
    #[must_use]
    pub fn with_correlation(mut self, correlation: Uuid) -> Self {
        self.correlation = Some(correlation);
        self
    }

    /// Sets the causation id: the id of the cause of the commands.
    #[must_use]
    pub fn with_causation(mut self, causation: Uuid) -> Self {
        self.causation = Some(causation);
        self
    }

    /// Returns the row of the context log.
    #[doc(hidden)]
    pub fn record(
        &self,
        id: Uuid,
        metadata: &DomainMetadata,
        headers: BTreeMap<String, String>,
    ) -> ContextRecord {
        let mut record = ContextRecord::new(id, metadata.namespace, self.source.clone());
        record.revision = metadata.revision;
        record.transport = self.transport;
        record.headers = headers;
        record.actor = self.actor;
        record.roles = self.roles.clone();
        record.realm = self.realm.clone();
        record.correlation = self.correlation;
        record.causation = self.causation;
        record
    }

    /// Returns the transport of the commands.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Returns the name of the sender.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the value of a header. Names are case-insensitive.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// Returns the actor.
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// Returns the realm.
    pub fn realm(&self) -> Option<&str> {
        self.realm.as_deref()
    }

    /// Returns the roles.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// Returns the correlation id.
    pub fn correlation(&self) -> Option<Uuid> {
        self.correlation
    }

    /// Returns the causation id.
    pub fn causation(&self) -> Option<Uuid> {
        self.causation
    }
}
