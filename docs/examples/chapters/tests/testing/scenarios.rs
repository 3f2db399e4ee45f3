//! A scenario: given states, when a command, then its result.

// ANCHOR: scenario
use banking_domain::{Account, DepositMoney, MoneyTransferred, TransferMoney, TransferReceived};
use fluvius::testing::{Scenario, event};
use rust_decimal::Decimal;
use uuid::Uuid;

fn account(balance: u32) -> Account {
    Account {
        account_number: "1".to_owned(),
        owner_name: "Ada".to_owned(),
        balance: Decimal::from(balance),
    }
}

#[test]
fn a_transfer_moves_money() {
    let (ada, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let amount = Decimal::from(30);
    Scenario::for_aggregate::<Account>()
        .given_state(ada, account(100))
        .given_state(bob, account(5))
        .when(ada, TransferMoney { amount, recipient_id: bob })
        .then_events([
            event(ada, MoneyTransferred { amount, recipient_id: bob }),
            event(bob, TransferReceived { amount, sender_id: ada }),
        ])
        .then_state(ada, &account(70))
        .then_state(bob, &account(35))
        .and()
        .when(ada, TransferMoney { amount: Decimal::from(71), recipient_id: bob })
        .then_rejected("insufficient-funds", "Insufficient funds")
        .and()
        .when(Uuid::from_u128(3), DepositMoney { amount })
        .then_error("not-found");
}
// ANCHOR_END: scenario
