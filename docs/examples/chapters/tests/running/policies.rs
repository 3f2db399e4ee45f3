//! A policy allows or denies each command.

// ANCHOR: policies
use banking_domain::{Account, CloseAccount, TransactionManagerDomain};
use fluvius::{
    Authorization, Domain, DomainContext, MemoryStore, Policy, PolicyRequest, PolicyState,
};
use guide_chapters::open_account;

/// Tellers do everything, but only a manager closes an account.
struct BankPolicy;

impl Policy for BankPolicy {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        if request.context.roles().iter().any(|role| role == "teller") {
            Authorization::Allow
        } else {
            Authorization::deny("only tellers may do this")
        }
    }

    async fn authorize_with_state(
        &self,
        request: &PolicyRequest<'_>,
        state: Option<&PolicyState<'_>>,
    ) -> Authorization {
        let is_manager = request.context.roles().iter().any(|role| role == "manager");
        let account = state.and_then(|state| state.state::<Account>());
        match (request.action.key, account) {
            ("close-account", Some(account)) if !is_manager => {
                let owner = &account.owner_name;
                Authorization::deny(format!("only a manager closes the account of {owner}"))
            }
            _ => Authorization::Allow,
        }
    }
}

#[tokio::test]
async fn a_teller_may_not_close_an_account() -> Result<(), Box<dyn std::error::Error>> {
    let domain =
        TransactionManagerDomain::builder(MemoryStore::new()).policy(BankPolicy).build().await?;
    let session = domain.session(DomainContext::create("desk").with_role("teller"));
    let id = open_account(&session, 0).await?;

    let error = session.send(id, CloseAccount {}).await.unwrap_err();
    assert_eq!(error.code(), "permission-denied");
    let activities = domain.log().activities().await?.rows;
    assert_eq!(activities[0].record.code.as_deref(), Some("permission-denied"));
    Ok(())
}
// ANCHOR_END: policies
