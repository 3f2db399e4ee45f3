//! A filter compares fields of the state with values.

// ANCHOR: filters
use banking_domain::{Account, OpenAccount, TransactionManagerDomain};
use fluvius::query::Field;
use fluvius::{Domain, DomainContext, MemoryStore};
use rust_decimal::Decimal;
use uuid::Uuid;

#[tokio::test]
async fn accounts_are_found_by_their_fields() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    for (number, owner, deposit) in [("1", "Ada", 1_000), ("2", "Grace", 95), ("3", "Ada", 20)] {
        let open = OpenAccount {
            account_number: number.to_owned(),
            owner_name: owner.to_owned(),
            initial_deposit: Decimal::from(deposit),
        };
        session.send(Uuid::new_v4(), open).await?;
    }

    let accounts = session.statemgr();
    let has_number_2 = Field::text("account_number").eq("2");
    let second = accounts.find_one::<Account>(has_number_2).await?;
    assert_eq!(second.map(|account| account.balance), Some(Decimal::from(95)));

    let is_small = Field::number("balance").lt(Decimal::from(100));
    let is_of_ada = Field::text("owner_name").eq("Ada");
    let small_of_ada = accounts.find_all::<Account>(is_small.clone() & is_of_ada).await?;
    assert_eq!(small_of_ada.len(), 1);

    let others = accounts.find_all::<Account>(!is_small).await?;
    assert_eq!(others[0].balance, Decimal::from(1_000));
    Ok(())
}
// ANCHOR_END: filters
