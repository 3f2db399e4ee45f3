//! The seed's example, step by step, and the rejections of the bank.

use banking_domain::{Account, AccountError, TransactionManagerDomain, WithdrawMoney};
use fluvius_core::Versioned;
use fluvius_core::{Aggregate, AggregateId, CommandStatus, Error};
use futures_util::StreamExt;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use fluvius_tests::fixture::{Fixture, check_error, id};
use fluvius_tests::store_snapshot::Trail;

const ACCOUNT: u128 = 1;
const RECIPIENT: u128 = 2;

fn account(number: u128) -> AggregateId {
    Account::aggregate_id(id(number))
}

async fn bank(deposits: &[(u128, &str)]) -> Fixture {
    let fixture = Fixture::new::<TransactionManagerDomain>().await;
    for (number, deposit) in deposits {
        let open = json!({
            "account_number": format!("no. {number}"),
            "owner_name": "John Doe",
            "initial_deposit": deposit,
        });
        fixture.apply(&account(*number), "open-account", open).await;
    }
    fixture
}

async fn balance(fixture: &Fixture, number: u128) -> String {
    fixture.session.statemgr().fetch::<Account>(id(number)).await.unwrap().balance.to_string()
}

/// Sends a command to the account, whose action rejects it.
async fn check_rejected(
    fixture: &Fixture,
    key: &str,
    payload: Value,
    code: &str,
    message: &str,
) -> Error {
    let error = fixture.reject(&account(ACCOUNT), key, payload, Trail::Command(code)).await;
    check_error(&error, code, message);
    match &error {
        Error::Rejected { aggregate_id, .. } => assert_eq!(*aggregate_id, account(ACCOUNT)),
        other => panic!("{other:?}"),
    }
    error
}

#[tokio::test]
async fn the_seed_example_runs_step_by_step() {
    let mut fixture = bank(&[(RECIPIENT, "0.00")]).await;
    fixture.session.set_aggroot("bank-account", id(ACCOUNT));
    let open = json!({
        "account_number": "123456789", "owner_name": "John Doe", "initial_deposit": "1000.00"
    });
    let open = fixture.session.create_command("open-account", open).unwrap();
    let opened = fixture.session.process_command(open.clone()).await.unwrap();
    assert_eq!((opened.command, opened.event), ("open-account", Some("account-opened")));
    assert_eq!((opened.command_id, &opened.aggregate_id), (open.id, &account(ACCOUNT)));
    assert_eq!(
        opened.data.to_value(),
        json!({ "account_number": "123456789", "owner_name": "John Doe", "balance": "1000.00" })
    );
    assert_eq!(balance(&fixture, ACCOUNT).await, "1000.00");

    let recipient = json!({ "amount": "30.00", "recipient": id(RECIPIENT) });
    let commands = [
        fixture.session.create_command("withdraw-money", json!({ "amount": "20.00" })).unwrap(),
        fixture.session.create_command("deposit-money", json!({ "amount": "10.00" })).unwrap(),
        fixture.session.create_command("transfer-money", recipient).unwrap(),
    ];
    let transfer_id = commands[2].id;
    let responses = fixture.session.command_processor().process(commands);
    let responses: Vec<_> = responses.map(Result::unwrap).collect().await;
    let listed: Vec<_> = responses
        .iter()
        .map(|response| (response.event.unwrap(), response.version, response.data.to_value()))
        .map(|(event, version, data)| (event, version, data["balance"].clone()))
        .collect();
    assert_eq!(
        listed,
        [
            ("money-withdrawn", 2, json!("980.00")),
            ("money-deposited", 3, json!("990.00")),
            ("money-transferred", 4, json!("960.00")),
        ]
    );
    let state = r#"{"account_number":"123456789","owner_name":"John Doe","balance":"980.00"}"#;
    let line =
        format!("withdraw-money on {}, version 2, money-withdrawn: {state}", account(ACCOUNT));
    assert_eq!(responses[0].to_string(), line);
    assert_eq!(balance(&fixture, ACCOUNT).await, "960.00");
    assert_eq!(balance(&fixture, RECIPIENT).await, "30.00");

    let log = fixture.snapshot().await;
    let events: Vec<_> = log
        .events
        .iter()
        .map(|event| {
            (event.record.key(), event.record.aggregate_id.id.as_u128(), event.record.version)
        })
        .collect();
    assert_eq!(
        events,
        [
            ("account-opened", RECIPIENT, 1),
            ("account-opened", ACCOUNT, 1),
            ("money-withdrawn", ACCOUNT, 2),
            ("money-deposited", ACCOUNT, 3),
            ("money-transferred", ACCOUNT, 4),
            ("transfer-received", RECIPIENT, 2),
        ]
    );
    let positions: Vec<u64> = log.events.iter().map(|event| event.position).collect();
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
    assert_eq!(log.version(&account(ACCOUNT)), 4);
    assert_eq!(log.version(&account(RECIPIENT)), 2);

    let [.., transfer, receive] = &log.commands[..] else { panic!("{:?}", log.commands) };
    assert_eq!((transfer.record.id, transfer.record.key()), (transfer_id, "transfer-money"));
    assert_eq!((transfer.record.parent, &transfer.record.aggregate_id), (None, &account(ACCOUNT)));
    assert_eq!(
        (receive.record.parent, receive.record.key()),
        (Some(transfer_id), "receive-transfer")
    );
    assert_eq!(receive.record.id, fluvius_testing::invoked_id(transfer_id, 1));
    assert_eq!(receive.record.aggregate_id, account(RECIPIENT));
    for row in &log.commands {
        assert_eq!(
            (row.record.status, &row.record.code, &row.record.response),
            (CommandStatus::Applied, &None, &None)
        );
        assert_eq!((row.record.domain.as_ref(), row.record.revision), ("transaction-manager", 1));
        assert_eq!(row.record.context_id, fixture.session.context_id());
    }
    let [.., sent, received_at] = &log.events[..] else { panic!("{:?}", log.events) };
    assert_eq!(
        (sent.record.command_id, received_at.record.command_id),
        (transfer_id, receive.record.id)
    );
    assert_eq!(
        sent.record.args.to_value(),
        json!({ "amount": "30.00", "recipient_id": id(RECIPIENT) })
    );
    assert_eq!(
        received_at.record.args.to_value(),
        json!({ "amount": "30.00", "sender_id": id(ACCOUNT) })
    );
    assert_eq!((&sent.record.data, &received_at.record.data), (&None, &None));
    // The payload is recorded as received, under the name that the sender used.
    assert_eq!(
        transfer.record.payload.to_value(),
        json!({ "amount": "30.00", "recipient": id(RECIPIENT) })
    );
}

#[tokio::test]
async fn a_transfer_accepts_the_alias_recipient() {
    for name in ["recipient", "recipient_id"] {
        let fixture = bank(&[(ACCOUNT, "10"), (RECIPIENT, "5")]).await;
        let transfer = json!({ "amount": "4", name: id(RECIPIENT) });
        fixture.apply(&account(ACCOUNT), "transfer-money", transfer).await;
        let balances = (balance(&fixture, ACCOUNT).await, balance(&fixture, RECIPIENT).await);
        assert_eq!(balances, ("6".to_owned(), "9".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn an_amount_may_be_a_number_or_a_string() {
    let fixture = bank(&[(ACCOUNT, "0")]).await;
    for amount in [json!(10), json!(10.5), json!("10.50")] {
        fixture.apply(&account(ACCOUNT), "deposit-money", json!({ "amount": amount })).await;
    }
    assert_eq!(balance(&fixture, ACCOUNT).await, "31.00");
}

#[tokio::test]
async fn a_transfer_to_an_unknown_account_changes_nothing() {
    let fixture = bank(&[(ACCOUNT, "10.00")]).await;
    let transfer = json!({ "amount": "4.00", "recipient_id": id(9) });
    let message = format!("{} does not exist", account(9));
    let error = check_rejected(&fixture, "transfer-money", transfer, "not-found", &message).await;
    assert!(matches!(error.rejection::<AccountError>(), Some(AccountError::Context(_))));
    assert_eq!(balance(&fixture, ACCOUNT).await, "10.00");
}

#[tokio::test]
async fn a_transfer_to_a_closed_account_changes_nothing() {
    let fixture = bank(&[(ACCOUNT, "10.00"), (RECIPIENT, "0.00")]).await;
    fixture.apply(&account(RECIPIENT), "close-account", json!({})).await;
    let transfer = json!({ "amount": "4.00", "recipient_id": id(RECIPIENT) });
    let message = format!("{} does not exist", account(RECIPIENT));
    check_rejected(&fixture, "transfer-money", transfer, "not-found", &message).await;
}

#[tokio::test]
async fn a_transfer_to_itself_changes_nothing() {
    let fixture = bank(&[(ACCOUNT, "10.00")]).await;
    let transfer = json!({ "amount": "4.00", "recipient_id": id(ACCOUNT) });
    let message = "Cannot transfer to the same account";
    let error =
        check_rejected(&fixture, "transfer-money", transfer, "transfer-to-self", message).await;
    assert!(matches!(error.rejection::<AccountError>(), Some(AccountError::TransferToSelf)));
}

#[tokio::test]
async fn an_amount_that_is_not_positive_changes_nothing() {
    let fixture = bank(&[(ACCOUNT, "10.00"), (RECIPIENT, "0.00")]).await;
    for amount in ["0", "0.00", "-0", "-1", "-0.01", "-79228162514264337593543950335"] {
        for (key, code, message) in [
            ("deposit-money", "deposit-not-positive", "Deposit amount must be positive"),
            ("withdraw-money", "withdrawal-not-positive", "Withdrawal amount must be positive"),
            ("transfer-money", "transfer-not-positive", "Transfer amount must be positive"),
        ] {
            let mut payload = json!({ "amount": amount });
            if key == "transfer-money" {
                payload["recipient"] = json!(id(RECIPIENT));
            }
            check_rejected(&fixture, key, payload, code, message).await;
        }
    }
    assert_eq!(balance(&fixture, ACCOUNT).await, "10.00");
}

#[tokio::test]
async fn overdrafts_are_rejected() {
    let fixture = bank(&[(ACCOUNT, "10.00"), (RECIPIENT, "0.00")]).await;
    let withdraw = json!({ "amount": "10.01" });
    let code = "insufficient-funds";
    check_rejected(&fixture, "withdraw-money", withdraw, code, "Insufficient funds").await;
    let transfer = json!({ "amount": "10.01", "recipient": id(RECIPIENT) });
    check_rejected(&fixture, "transfer-money", transfer, code, "Insufficient funds").await;
}

#[tokio::test]
async fn an_account_with_money_is_not_closed() {
    let fixture = bank(&[(ACCOUNT, "0.01")]).await;
    let message = "Account must be empty before it is closed";
    check_rejected(&fixture, "close-account", json!({}), "balance-not-zero", message).await;
    fixture.apply(&account(ACCOUNT), "withdraw-money", json!({ "amount": "0.01" })).await;
    fixture.apply(&account(ACCOUNT), "close-account", json!({})).await;
    let error = fixture
        .reject(&account(ACCOUNT), "close-account", json!({}), Trail::Command("not-found"))
        .await;
    assert_eq!(error.code(), "not-found");
}

#[tokio::test]
async fn a_negative_opening_deposit_is_rejected() {
    let fixture = bank(&[]).await;
    let open = json!({ "account_number": "1", "owner_name": "X", "initial_deposit": "-0.01" });
    let message = "Initial deposit must not be negative";
    check_rejected(&fixture, "open-account", open, "initial-deposit-negative", message).await;
}

#[tokio::test]
async fn an_internal_action_is_unknown_to_senders() {
    let fixture = bank(&[(ACCOUNT, "10.00")]).await;
    let receive = json!({ "amount": "4.00", "sender_id": id(9) });
    let aggregate_id = account(ACCOUNT);
    let error = fixture.reject(&aggregate_id, "receive-transfer", receive, Trail::Nothing).await;
    match &error {
        Error::UnknownCommand { key, nearest } => {
            assert_eq!(key, "receive-transfer");
            assert!(!nearest.contains(&"receive-transfer"), "{nearest:?}");
        }
        other => panic!("{other:?}"),
    }

    let before = fixture.snapshot().await;
    let receive = banking_domain::ReceiveTransfer { amount: Decimal::TEN, sender_id: id(9) };
    let error = fixture.session.send(id(ACCOUNT), receive).await.unwrap_err();
    assert_eq!(error.code(), "unknown-command");
    assert_eq!(before, fixture.snapshot().await);
    let listed = fixture.domain.registry().actions();
    assert!(listed.iter().all(|action| action.key != "receive-transfer"), "{listed:?}");
}

#[tokio::test]
async fn amounts_never_overflow() {
    let largest = Decimal::MAX.to_string();
    let smallest = "0.0000000000000000000000000001";
    let fixture = bank(&[(ACCOUNT, &largest), (RECIPIENT, &largest), (3, smallest)]).await;
    let message = "Balance would be too large to be exact";
    for amount in [&largest, "1", smallest] {
        let deposit = json!({ "amount": amount });
        check_rejected(&fixture, "deposit-money", deposit, "balance-too-large", message).await;
        let transfer = json!({ "amount": amount, "recipient": id(RECIPIENT) });
        check_rejected(&fixture, "transfer-money", transfer, "balance-too-large", message).await;
    }
    // The rest would not be exact either.
    let withdraw = json!({ "amount": smallest });
    check_rejected(&fixture, "withdraw-money", withdraw, "balance-too-large", message).await;
    fixture.apply(&account(ACCOUNT), "withdraw-money", json!({ "amount": largest })).await;
    assert_eq!(balance(&fixture, ACCOUNT).await, "0");
}

#[tokio::test]
async fn a_typed_command_returns_the_state() {
    let fixture = bank(&[(ACCOUNT, "10.00")]).await;
    let withdraw = WithdrawMoney { amount: Decimal::new(250, 2) };
    let response = fixture.session.send(id(ACCOUNT), withdraw).await.unwrap();
    assert_eq!((response.data.balance.to_string(), response.version), ("7.50".to_owned(), 2));
    let stored = fixture.session.statemgr().fetch::<Account>(id(ACCOUNT)).await.unwrap();
    assert_eq!(*stored, *response.data);
    assert_eq!((Versioned::version(&stored), Versioned::etag(&stored)), (2, response.etag));
}
