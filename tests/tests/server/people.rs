//! Senders that name themselves: for tests of what each may do.

use fluvius::DomainContext;
use fluvius::server::{Authenticated, Authenticator, RequestHead, Unauthenticated};
use uuid::Uuid;

use crate::client::Call;

/// Trusts the headers `x-user`, `x-realm` and `x-role`.
pub struct Trusting;

impl Authenticator for Trusting {
    async fn authenticate(&self, head: &RequestHead<'_>) -> Result<Authenticated, Unauthenticated> {
        let user = head.header("x-user").and_then(|user| user.parse().ok());
        let user = user.ok_or_else(|| Unauthenticated::new("Trust", "name yourself"))?;
        let mut context = DomainContext::create("people").with_user(Uuid::from_u128(user));
        if let Some(realm) = head.header("x-realm") {
            context = context.with_realm(realm);
        }
        if let Some(role) = head.header("x-role") {
            context = context.with_role(role);
        }
        Ok(Authenticated::new(context))
    }
}

/// A person.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    pub user: u128,
    pub realm: Option<&'static str>,
    pub role: &'static str,
}

impl Person {
    pub fn sends(self, call: Call<'_>) -> Call<'_> {
        let call = call.header("x-user", &self.user.to_string()).header("x-role", self.role);
        match self.realm {
            Some(realm) => call.header("x-realm", realm),
            None => call,
        }
    }
}
