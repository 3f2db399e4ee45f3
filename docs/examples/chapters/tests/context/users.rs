//! A value that is unique over many aggregates.

// ANCHOR: user
use fluvius::{
    ActionContext, ContextError, Domain, DomainContext, MemoryStore, Rejection, aggregate,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An e-mail address and the user that it belongs to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EmailAddress {
    pub user_id: Uuid,
}

/// A user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    pub email: String,
}

#[derive(Debug, thiserror::Error, Rejection)]
pub enum UserError {
    #[error("the address belongs to another user")]
    EmailTaken,
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

impl EmailAddress {
    /// Returns the identifier of the aggregate of an address.
    pub fn id_of(email: &str) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("mailto:{}", email.to_lowercase()).as_bytes())
    }
}

#[aggregate(resource = "email-address")]
impl EmailAddress {
    /// Take an address for a user.
    #[action(evt_key = "email-claimed", internal)]
    pub fn claim_email(user_id: Uuid) -> Result<Self, UserError> {
        Ok(Self { user_id })
    }
}

#[aggregate(resource = "user")]
impl User {
    /// Sign a user up.
    #[action(evt_key = "user-signed-up")]
    pub async fn sign_up(cx: &mut ActionContext, email: String) -> Result<Self, UserError> {
        let user_id = cx.aggregate_id().id;
        match cx.invoke(EmailAddress::id_of(&email), ClaimEmail { user_id }).await {
            Ok(_) => Ok(Self { email }),
            Err(ContextError::AlreadyExists { .. }) => Err(UserError::EmailTaken),
            Err(error) => Err(error.into()),
        }
    }
}

#[derive(Debug, Domain)]
#[domain(aggregates(User, EmailAddress))]
pub struct UserDomain;

#[tokio::test]
async fn an_address_belongs_to_one_user() -> Result<(), Box<dyn std::error::Error>> {
    let domain = UserDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("web"));

    session.send(Uuid::new_v4(), SignUp { email: "ada@example.org".to_owned() }).await?;
    let again = SignUp { email: "Ada@example.org".to_owned() };
    let error = session.send(Uuid::new_v4(), again).await.unwrap_err();
    assert_eq!(error.code(), "email-taken");
    Ok(())
}
// ANCHOR_END: user
