//! Scenarios: passing expectations, and the messages of failing ones.

use banking_domain::{
    Account, AccountClosed, CloseAccount, DepositMoney, MoneyDeposited, MoneyTransferred,
    OpenAccount, TransactionManagerDomain, TransferMoney, TransferReceived, WithdrawMoney,
};
use fluvius_core::{Activity, ActivityKind, Aggregate, Domain, DomainContext, Event, MemoryStore};
use fluvius_testing::{Scenario, command, event};
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use crate::caught_panics::{check_failure, failure};
use crate::library_domain::{
    AskAvailability, Book, BookBought, BookCarried, BookLent, BuyBook, DiscardBook, LendBook,
    LibraryDomain, Loan, Reader, SignUp, StaffLends,
};

const ADA: Uuid = Uuid::from_u128(1);
const BOB: Uuid = Uuid::from_u128(2);
const CAROL: Uuid = Uuid::from_u128(3);

fn money(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn account(balance: &str) -> Account {
    Account {
        account_number: "1".to_owned(),
        owner_name: "Ada".to_owned(),
        balance: money(balance),
    }
}

fn open(deposit: &str) -> OpenAccount {
    OpenAccount {
        account_number: "1".to_owned(),
        owner_name: "Ada".to_owned(),
        initial_deposit: money(deposit),
    }
}

fn deposit(amount: &str) -> DepositMoney {
    DepositMoney { amount: money(amount) }
}

fn transfer(amount: &str, recipient_id: Uuid) -> TransferMoney {
    TransferMoney { amount: money(amount), recipient_id }
}

#[test]
fn a_transfer_has_events_and_states_of_both_aggregates() {
    Scenario::for_aggregate::<Account>()
        .given(ADA, open("100.00"))
        .given_state(BOB, account("5.00"))
        .when(ADA, transfer("30.00", BOB))
        .then_applied()
        .then_events([
            event(ADA, MoneyTransferred { amount: money("30.00"), recipient_id: BOB }),
            event(BOB, TransferReceived { amount: money("30.00"), sender_id: ADA }),
        ])
        .then_state(ADA, &account("70.00"))
        .then_state(BOB, &account("35.00"))
        .then_response(&account("70.00"))
        .then_messages([])
        .then_activities([]);
}

#[test]
fn a_rejection_changes_nothing() {
    Scenario::for_domain::<TransactionManagerDomain>()
        .given_state(ADA, account("10.00"))
        .when(ADA, WithdrawMoney { amount: money("10.01") })
        .then_rejected("insufficient-funds", "Insufficient funds")
        .then_error("insufficient-funds")
        .then_events([])
        .then_state(ADA, &account("10.00"))
        .and()
        .when(CAROL, deposit("1"))
        .then_error("not-found")
        .then_not_found::<Account>(CAROL);
}

#[test]
fn a_rejection_of_an_invoked_aggregate_is_seen() {
    Scenario::for_domain::<LibraryDomain>()
        .given_state(ADA, Reader { books: vec![BOB, CAROL] })
        .given(BOB, BuyBook { title: "Emma".to_owned() })
        .when(BOB, LendBook { reader: ADA, days: 1 })
        .then_rejected("too-many-books", "two books are enough")
        .then_messages([])
        .then_state(ADA, &Reader { books: vec![BOB, CAROL] });
}

#[test]
fn commands_by_key_are_decoded() {
    let ada = Account::aggregate_id(ADA);
    Scenario::for_aggregate::<Account>()
        .when_json(
            ada.clone(),
            "open-account",
            json!({ "account_number": "1", "owner_name": "Ada", "initial_deposit": "7" }),
        )
        .then_state(ADA, &account("7"))
        .and()
        .when_json(ada.clone(), "deposit-money", json!({ "amont": "1" }))
        .then_error("invalid-payload")
        .and()
        .when_json(ada.clone(), "deposit-money", json!({ "amount": "\0" }))
        .then_error("invalid-payload")
        .and()
        .when_json(ada, "receive-transfer", json!({ "amount": "1", "sender_id": BOB }))
        .then_error("unknown-command");
}

#[test]
fn a_bundle_has_an_id_and_a_precondition() {
    let id = Uuid::from_u128(77);
    Scenario::for_aggregate::<Account>()
        .given(ADA, open("1"))
        .when_bundle(command(ADA, deposit("2")).with_id(id).if_match(1))
        .then_state(ADA, &account("3"))
        .and()
        .when_bundle(command(ADA, deposit("2")).with_id(id).if_match(1))
        .then_applied()
        .then_events([])
        .then_state(ADA, &account("3"))
        .and()
        .when_bundle(command(ADA, deposit("2")).if_match(1))
        .then_error("precondition-failed")
        .and()
        .when_bundle(command(ADA, deposit("2")).if_match(2))
        .then_events([event(ADA, MoneyDeposited { amount: money("2") })]);
}

#[test]
fn an_atomic_group_is_one_command_to_the_scenario() {
    Scenario::for_aggregate::<Account>()
        .given(ADA, open("1"))
        .when_atomic([command(ADA, deposit("2")), command(ADA, deposit("3"))])
        .then_state(ADA, &account("6"))
        .then_response(&account("6"))
        .and()
        .when_atomic([
            command(ADA, deposit("2")),
            command(ADA, WithdrawMoney { amount: money("9") }),
        ])
        .then_error("group-rejected")
        .then_state(ADA, &account("6"));
}

#[test]
fn the_scenario_sets_clock_ids_and_actor() {
    let teller = Uuid::from_u128(9);
    let then = Scenario::for_domain::<LibraryDomain>()
        .given(ADA, SignUp {})
        .given_state(BOB, Book { title: "Emma".to_owned(), loan: None })
        .at("2026-05-01T08:00:00Z".parse().unwrap())
        .by(DomainContext::create("desk").with_user(teller))
        .when(BOB, LendBook { reader: ADA, days: 2 })
        .then_messages([("loan-begun", json!({ "title": "Emma", "days": 2 }))])
        .then_activities([Activity::new("lent a book").code("lent")]);
    let id: Uuid = then.answer().as_ref().unwrap().data.decode().unwrap();
    assert!(id.as_u128() > 1_000_000 && id.as_u128() < 1_000_100, "{id}");
    assert_eq!(then.events().len(), 2);
    then.then_response(&id)
        .then_events([
            event(BOB, BookLent { reader: ADA, days: 2, data: id }),
            event(ADA, BookCarried { book: BOB }),
        ])
        .then_state(
            BOB,
            &Book {
                title: "Emma".to_owned(),
                loan: Some(Loan {
                    id,
                    reader: ADA,
                    lender: Some(teller),
                    until: "2026-05-03T08:00:00Z".parse().unwrap(),
                }),
            },
        )
        .and()
        .when(BOB, AskAvailability {})
        .then_response(&false)
        .then_events([]);
}

#[test]
fn a_scenario_is_deterministic() {
    let lend = || {
        let then = Scenario::for_domain::<LibraryDomain>()
            .given(ADA, SignUp {})
            .given(BOB, BuyBook { title: "Emma".to_owned() })
            .when(BOB, LendBook { reader: ADA, days: 2 });
        (then.answer().as_ref().unwrap().clone(), then.events().to_vec())
    };
    assert_eq!(lend(), lend());
}

#[test]
fn a_policy_applies_to_later_commands() {
    Scenario::for_domain::<LibraryDomain>()
        .given(ADA, SignUp {})
        .given(BOB, BuyBook { title: "Emma".to_owned() })
        .policy(StaffLends)
        .when(BOB, LendBook { reader: ADA, days: 2 })
        .then_error("permission-denied")
        .then_activities([Activity::new(format!(
            "`lend-book` on book/{BOB} is not allowed: only staff lends"
        ))
        .kind(ActivityKind::UserAction)
        .code("permission-denied")
        .data(json!({ "command": "lend-book" }))])
        .and()
        .by(DomainContext::create("desk").with_role("staff"))
        .when(BOB, LendBook { reader: ADA, days: 2 })
        .then_applied();
}

#[test]
fn given_aggregates_belong_to_the_current_realm() {
    let of = |realm: &str| DomainContext::create("desk").with_realm(realm);
    Scenario::for_aggregate::<Account>()
        .by(of("north"))
        .given_state(ADA, account("1"))
        .by(of("south"))
        .when(ADA, deposit("1"))
        .then_error("not-found")
        .and()
        .by(of("north"))
        .when(ADA, deposit("1"))
        .then_state(ADA, &account("2"));
}

#[test]
fn a_closed_aggregate_is_not_found() {
    Scenario::for_aggregate::<Account>()
        .given_state(ADA, account("0"))
        .when(ADA, CloseAccount {})
        .then_events([event(ADA, AccountClosed {})])
        .then_not_found::<Account>(ADA)
        .and()
        .when(ADA, deposit("1"))
        .then_error("not-found")
        .and()
        .when(ADA, open("1"))
        .then_error("already-exists");
}

/// Returns the log of a bank with an account of many events and a closed one.
fn a_real_log() -> Vec<fluvius_core::LogEntry<fluvius_core::EventRecord>> {
    let run = async {
        let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await.unwrap();
        let session = domain.session(DomainContext::create("test"));
        session.send(ADA, open("100")).await.unwrap();
        session.send(BOB, open("0")).await.unwrap();
        for _ in 0..70 {
            session.send(ADA, deposit("1")).await.unwrap();
        }
        session.send(ADA, transfer("10", BOB)).await.unwrap();
        session.send(BOB, transfer("10", ADA)).await.unwrap();
        session.send(BOB, CloseAccount {}).await.unwrap();
        domain.log().events().await.unwrap().rows
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run)
}

fn check_log(scenario: Scenario) {
    scenario
        .when(ADA, transfer("170", BOB))
        .then_rejected("not-found", &format!("bank-account/{BOB} does not exist"))
        .and()
        .when_bundle(command(ADA, deposit("1")).if_match(73))
        .then_state(ADA, &account("171"))
        .and()
        .when(BOB, open("1"))
        .then_error("already-exists");
}

#[test]
fn a_given_log_is_folded_to_its_states() {
    check_log(Scenario::for_aggregate::<Account>().given_log(a_real_log()));
}

#[test]
fn a_log_may_come_from_a_file() {
    let rows = a_real_log();
    let lines = rows.iter().map(|row| serde_json::to_string(row).unwrap() + "\n");
    check_log(Scenario::for_aggregate::<Account>().given_log_lines(&lines.collect::<String>()));
}

#[test]
fn an_invalid_log_is_rejected_with_its_line() {
    let mut rows = a_real_log();
    rows.remove(20);
    check_failure(
        &format!(
            "given a log: the events of bank-account/{ADA} have version 21 where 20 comes next"
        ),
        || Scenario::for_aggregate::<Account>().given_log(rows),
    );
    let (message, _) = failure(|| Scenario::for_aggregate::<Account>().given_log_lines("\n{}"));
    assert!(message.starts_with("given a log: line 2 is not an event: missing field"), "{message}");
    check_failure("given a log: `bank-account` is no resource of this domain", || {
        Scenario::for_domain::<LibraryDomain>().given_log(a_real_log())
    });
}

#[test]
fn invalid_given_data_is_reported() {
    check_failure(
        &format!(
            "given `withdraw-money` on bank-account/{ADA}: it was not applied: rejected with \
            `insufficient-funds`: Insufficient funds"
        ),
        || {
            Scenario::for_aggregate::<Account>()
                .given(ADA, open("1"))
                .given(ADA, WithdrawMoney { amount: money("2") })
        },
    );
    check_failure(
        &format!("given the state of bank-account/{ADA}: bank-account/{ADA} has a state already"),
        || {
            Scenario::for_aggregate::<Account>()
                .given_state(ADA, account("1"))
                .given_state(ADA, account("2"))
        },
    );
    check_failure(
        &format!(
            "given the state of bank-account/{ADA}: `bank-account` is no resource of \
            `banking_domain::account::Account` in this domain"
        ),
        || Scenario::for_domain::<LibraryDomain>().given_state(ADA, account("1")),
    );
}

#[test]
fn a_state_mismatch_shows_the_lines() {
    let shown = format!(
        r#"the state of bank-account/{ADA} is another (- expected, + found):
    {{
      "account_number": "1",
  -   "balance": "2",
  +   "balance": "3",
      "owner_name": "Ada"
    }}"#
    );
    let given = || Scenario::for_aggregate::<Account>().given_state(ADA, account("1"));
    check_failure(&shown, || given().when(ADA, deposit("2")).then_state(ADA, &account("2")));
    let shown = format!(
        "bank-account/{BOB} does not exist; the command was answered with `not-found`: \
        bank-account/{BOB} does not exist"
    );
    check_failure(&shown, || given().when(BOB, deposit("2")).then_state(BOB, &account("2")));
}

#[test]
fn equal_numbers_with_other_digits_are_the_same_state() {
    Scenario::for_aggregate::<Account>()
        .given_state(ADA, account("1.50"))
        .when(ADA, deposit("0.500"))
        .then_state(ADA, &account("2"));
}

#[test]
fn an_event_mismatch_shows_the_lines() {
    let given = || {
        Scenario::for_aggregate::<Account>()
            .given_state(ADA, account("9"))
            .given_state(BOB, account("1"))
    };
    let received = |amount| event(BOB, TransferReceived { amount: money(amount), sender_id: ADA });
    let sent = |aggregate_id| {
        event(aggregate_id, MoneyTransferred { amount: money("4"), recipient_id: BOB })
    };
    let both = |first: &str, second: &str| {
        format!("the events are others (- expected, + found):\n{first}\n{second}")
    };
    let received_line = |mark, amount| {
        format!(
            "  {mark} bank-account/{BOB} transfer-received \
            {{\"amount\":\"{amount}\",\"sender_id\":\"{ADA}\"}}"
        )
    };
    let sent_line = |mark, aggregate_id| {
        format!(
            "  {mark} bank-account/{aggregate_id} money-transferred \
            {{\"amount\":\"4\",\"recipient_id\":\"{BOB}\"}}"
        )
    };
    // A missing event, an extra one, another argument, another aggregate, another order.
    check_failure(&both(&sent_line(' ', ADA), &received_line('+', "4")), || {
        given().when(ADA, transfer("4", BOB)).then_events([sent(ADA)])
    });
    check_failure(
        &format!(
            "{}\n{}",
            both(&sent_line(' ', ADA), &received_line(' ', "4")),
            sent_line('-', ADA)
        ),
        || given().when(ADA, transfer("4", BOB)).then_events([sent(ADA), received("4"), sent(ADA)]),
    );
    check_failure(
        &format!(
            "{}\n{}",
            both(&sent_line(' ', ADA), &received_line('-', "5")),
            received_line('+', "4")
        ),
        || given().when(ADA, transfer("4", BOB)).then_events([sent(ADA), received("5")]),
    );
    check_failure(
        &format!(
            "{}\n{}",
            both(&sent_line('-', BOB), &sent_line('+', ADA)),
            received_line(' ', "4")
        ),
        || given().when(ADA, transfer("4", BOB)).then_events([sent(BOB), received("4")]),
    );
    check_failure(
        &format!(
            "{}\n{}",
            both(&sent_line('+', ADA), &received_line(' ', "4")),
            sent_line('-', ADA)
        ),
        || given().when(ADA, transfer("4", BOB)).then_events([received("4"), sent(ADA)]),
    );
    check_failure(
        &format!(
            "the events are others (- expected, + found); the command was rejected with \
            `insufficient-funds`: Insufficient funds:\n{}",
            sent_line('-', ADA)
        ),
        || given().when(ADA, transfer("10", BOB)).then_events([sent(ADA)]),
    );
}

#[test]
fn an_event_mismatch_shows_the_key() {
    assert_eq!(BookBought::EVENT.key, "book-bought");
    check_failure(
        &format!(
            "the events are others (- expected, + found):\n  - book/{ADA} book-bought \
            {{\"title\":\"Emma\"}}\n  + book/{ADA} book-discarded {{}}"
        ),
        || {
            Scenario::for_aggregate::<Book>()
                .given(ADA, BuyBook { title: "Emma".to_owned() })
                .when(ADA, DiscardBook {})
                .then_events([event(ADA, BookBought { title: "Emma".to_owned() })])
        },
    );
}

#[test]
fn a_response_mismatch_is_reported() {
    let deposit_of = |amount: &str| {
        Scenario::for_aggregate::<Account>()
            .given_state(ADA, account("1"))
            .when(ADA, deposit(amount))
    };
    check_failure(
        "expected `not-found`, the command was rejected with `deposit-not-positive`: Deposit \
        amount must be positive",
        || deposit_of("0").then_error("not-found"),
    );
    let applied = || failure(|| deposit_of("1").then_error("insufficient-funds")).0;
    assert!(
        applied().starts_with("expected `insufficient-funds`, the command was applied: "),
        "{}",
        applied()
    );
    check_failure(
        "the command was not applied: rejected with `deposit-not-positive`: Deposit amount must \
        be positive",
        || deposit_of("0").then_applied(),
    );
    check_failure(
        "the command ended in another way:\n  - rejected with `deposit-not-positive`: no\n  + \
        rejected with `deposit-not-positive`: Deposit amount must be positive",
        || deposit_of("0").then_rejected("deposit-not-positive", "no"),
    );
    check_failure(
        "the answer is another (- expected, + found):\n    Account {\n        account_number: \
        \"1\",\n        owner_name: \"Ada\",\n  -     balance: 3,\n  +     balance: 2,\n    }",
        || deposit_of("1").then_response(&account("3")),
    );
    let (message, _) = failure(|| deposit_of("1").then_response(&7_u8));
    assert!(message.starts_with("the answer is of another type: "), "{message}");
    check_failure("the messages are others (- expected, + found):\n  - sent 1", || {
        deposit_of("1").then_messages([("sent", json!(1))])
    });
    check_failure(
        "the activities are others (- expected, + found):\n  - \"did it\" UserAction label \"a\" \
        code \"b\" 1",
        || {
            deposit_of("1")
                .then_activities([Activity::new("did it").label("a").code("b").data(json!(1))])
        },
    );
    let (message, _) = failure(|| deposit_of("1").then_not_found::<Account>(ADA));
    assert!(
        message.starts_with(&format!("bank-account/{ADA} exists, at version 2: ")),
        "{message}"
    );
}

#[tokio::test]
async fn a_scenario_runs_inside_an_async_test() {
    Scenario::for_aggregate::<Account>()
        .given(ADA, open("1"))
        .when(ADA, deposit("2"))
        .then_state(ADA, &account("3"));
}
