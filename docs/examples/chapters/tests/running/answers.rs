//! A command that is sent again gets its first answer.

// ANCHOR: answers
use banking_domain::{DepositMoney, TransactionManagerDomain};
use fluvius::{Domain, DomainContext, MemoryStore};
use guide_chapters::open_account;
use rust_decimal::Decimal;
use uuid::Uuid;

#[tokio::test]
async fn a_repeated_command_gets_the_first_answer() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    let id = open_account(&session, 100).await?;

    let command_id = Uuid::new_v4();
    let deposit = DepositMoney { amount: Decimal::from(10) };
    let first = session.send(id, deposit.clone()).with_id(command_id).await?;
    let again = session.send(id, deposit).with_id(command_id).await?;
    assert_eq!((again.version, again.data), (first.version, first.data));

    let other = DepositMoney { amount: Decimal::from(99) };
    let error = session.send(id, other).with_id(command_id).await.unwrap_err();
    assert_eq!(error.code(), "command-id-reused");
    Ok(())
}
// ANCHOR_END: answers
