//! A model of the bank in plain Rust, without a runtime: the actions run as ordinary methods.

use std::collections::BTreeMap;

use banking_domain::{Account, AccountError, AccountEvent};
use fluvius_core::{Aggregate, AggregateId, EventRecord, Rejection};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

/// A command to an account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum BankCommand {
    Open { deposit: Decimal },
    Deposit { amount: Decimal },
    Withdraw { amount: Decimal },
    Transfer { amount: Decimal, to: usize },
    Close,
}

impl BankCommand {
    /// The key of the command.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open-account",
            Self::Deposit { .. } => "deposit-money",
            Self::Withdraw { .. } => "withdraw-money",
            Self::Transfer { .. } => "transfer-money",
            Self::Close => "close-account",
        }
    }

    /// The payload of the command, for an account.
    pub(crate) fn payload(&self, account: usize) -> Value {
        match self {
            Self::Open { deposit } => json!({
                "account_number": number(account),
                "owner_name": OWNER,
                "initial_deposit": deposit,
            }),
            Self::Deposit { amount } | Self::Withdraw { amount } => json!({ "amount": amount }),
            // Under either name of the field.
            Self::Transfer { amount, to } if to % 2 == 0 => {
                json!({ "amount": amount, "recipient": identifier(*to) })
            }
            Self::Transfer { amount, to } => {
                json!({ "amount": amount, "recipient_id": identifier(*to) })
            }
            Self::Close => json!({}),
        }
    }
}

const OWNER: &str = "Ada Lovelace";

/// Returns the id of an account.
pub(crate) fn identifier(account: usize) -> Uuid {
    Uuid::from_u128(0xACC0_0000 + account as u128)
}

/// Returns the aggregate id of an account.
pub(crate) fn aggregate_id(account: usize) -> AggregateId {
    Account::aggregate_id(identifier(account))
}

/// Returns the number of an account.
fn number(account: usize) -> String {
    format!("{account:09}")
}

/// One account: its state at every version, and its realm.
#[derive(Debug, Clone)]
pub(crate) struct ModelAggregate {
    pub(crate) realm: Option<&'static str>,
    pub(crate) states: Vec<Account>,
    /// Ids of the commands that gave each version.
    pub(crate) commands: Vec<Uuid>,
    pub(crate) closed: bool,
}

impl ModelAggregate {
    pub(crate) fn version(&self) -> u64 {
        self.states.len() as u64
    }

    fn push(&mut self, state: Account, command: Uuid) {
        self.states.push(state);
        self.commands.push(command);
    }
}

/// Rejection of the model: the error's code, and the action's own code if an action rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelRejection {
    pub(crate) code: &'static str,
    pub(crate) action: Option<String>,
}

impl ModelRejection {
    pub(crate) fn of(code: &'static str) -> Self {
        Self { code, action: None }
    }

    fn action(code: impl Into<String>) -> Self {
        Self { code: "rejected", action: Some(code.into()) }
    }
}

/// All accounts that were ever opened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bank {
    pub(crate) aggregate_ids: BTreeMap<usize, ModelAggregate>,
}

impl Bank {
    /// Checks that a command of a realm may run on an account.
    ///
    /// # Errors
    /// `already-exists`, `not-found`.
    pub(crate) fn admit(
        &self,
        realm: Option<&'static str>,
        account: usize,
        order: &BankCommand,
    ) -> Result<(), ModelRejection> {
        match order {
            BankCommand::Open { .. } if self.aggregate_ids.contains_key(&account) => {
                Err(ModelRejection::of("already-exists"))
            }
            BankCommand::Open { .. } => Ok(()),
            _ => self.open(realm, account).map(|_| ()).ok_or(ModelRejection::of("not-found")),
        }
    }

    /// Runs the method of a command.
    ///
    /// # Errors
    /// The rejection; nothing has changed.
    pub(crate) fn run(
        &mut self,
        realm: Option<&'static str>,
        account: usize,
        command: Uuid,
        order: &BankCommand,
    ) -> Result<(), ModelRejection> {
        self.admit(realm, account, order)?;
        if let BankCommand::Open { deposit } = order {
            let state = Account::open_account(number(account), OWNER.to_owned(), *deposit)
                .map_err(rejection)?;
            let aggregate_id = ModelAggregate {
                realm,
                states: vec![state],
                commands: vec![command],
                closed: false,
            };
            self.aggregate_ids.insert(account, aggregate_id);
            return Ok(());
        }
        let mut state = self.state(account).clone();
        match order {
            BankCommand::Open { .. } => unreachable!("opened above"),
            BankCommand::Deposit { amount } => state.deposit_money(*amount).map_err(rejection)?,
            BankCommand::Withdraw { amount } => state.withdraw_money(*amount).map_err(rejection)?,
            BankCommand::Transfer { amount, to } => {
                // A transfer needs a context. It is a withdrawal with errors of its own, and the
                // receipt.
                if *amount <= Decimal::ZERO {
                    return Err(ModelRejection::action("transfer-not-positive"));
                }
                if *to == account {
                    return Err(ModelRejection::action("transfer-to-self"));
                }
                state.withdraw_money(*amount).map_err(rejection)?;
                let recipient = self.open(realm, *to).ok_or(ModelRejection::action("not-found"))?;
                let mut received_at = recipient.states.last().unwrap().clone();
                received_at.receive_transfer(*amount, identifier(account)).map_err(rejection)?;
                let invoked = fluvius_testing::invoked_id(command, 1);
                self.aggregate_ids.get_mut(to).unwrap().push(received_at, invoked);
            }
            BankCommand::Close => state.clone().close_account().map_err(rejection)?,
        }
        let aggregate_id = self.aggregate_ids.get_mut(&account).unwrap();
        aggregate_id.closed = *order == BankCommand::Close;
        aggregate_id.push(state, command);
        Ok(())
    }

    fn open(&self, realm: Option<&'static str>, account: usize) -> Option<&ModelAggregate> {
        self.aggregate_ids
            .get(&account)
            .filter(|aggregate_id| !aggregate_id.closed && aggregate_id.realm == realm)
    }

    fn state(&self, account: usize) -> &Account {
        self.aggregate_ids[&account].states.last().unwrap()
    }
}

fn rejection(error: AccountError) -> ModelRejection {
    ModelRejection::action(error.code())
}

/// Runs the method behind an event of an account.
pub(crate) fn action(before: Option<Account>, row: &EventRecord) -> Result<Account, String> {
    let text = |error: AccountError| error.to_string();
    let event = AccountEvent::try_from(row).unwrap();
    if let AccountEvent::AccountOpened(event) = event {
        assert!(before.is_none(), "an account is opened once");
        return Account::open_account(
            event.account_number,
            event.owner_name,
            event.initial_deposit,
        )
        .map_err(text);
    }
    let mut state = before.unwrap();
    match event {
        AccountEvent::AccountOpened(_) => unreachable!("opened above"),
        AccountEvent::MoneyDeposited(event) => state.deposit_money(event.amount).map_err(text)?,
        AccountEvent::MoneyWithdrawn(event) => state.withdraw_money(event.amount).map_err(text)?,
        AccountEvent::MoneyTransferred(event) => {
            state.withdraw_money(event.amount).map_err(text)?
        }
        AccountEvent::TransferReceived(event) => {
            state.receive_transfer(event.amount, event.sender_id).map_err(text)?;
        }
        AccountEvent::AccountClosed(_) => state.clone().close_account().map_err(text)?,
    }
    Ok(state)
}

/// Amounts: mostly small, some that actions reject, some at the limits of a `Decimal`.
pub(crate) fn any_amount() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        30 => (1_i64..100_000).prop_map(|cents| Decimal::new(cents, 2)),
        6 => (1_i64..1_000).prop_map(|whole| Decimal::new(whole, 0)),
        4 => (1_i64..1_000_000_000, 0_u32..9)
            .prop_map(|(digits, scale)| Decimal::new(digits, scale)),
        3 => (-10_000_i64..=0).prop_map(|cents| Decimal::new(cents, 2)),
        1 => Just(Decimal::MAX),
        1 => Just(Decimal::MIN),
        1 => Just(Decimal::from_i128_with_scale(1, 28)),
        1 => any::<(u32, u32, u32, bool, u8)>().prop_map(|(low, middle, high, negative, scale)| {
            Decimal::from_parts(low, middle, high, negative, u32::from(scale % 29))
        }),
    ]
}

/// A sum of amounts, exact where a `Decimal` would round or overflow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Exact {
    whole: i128,
    /// Fraction in units of 10^-28, less than one whole.
    parts: i128,
}

impl Exact {
    pub(crate) fn add(&mut self, amount: Decimal) {
        let fraction = amount.fract();
        let whole = (amount - fraction).normalize();
        assert_eq!(whole.scale(), 0, "the rest has no fraction");
        self.whole += whole.mantissa();
        self.parts += fraction.mantissa() * 10_i128.pow(28 - fraction.scale());
        self.whole += self.parts.div_euclid(10_i128.pow(28));
        self.parts = self.parts.rem_euclid(10_i128.pow(28));
    }

    pub(crate) fn subtract(&mut self, amount: Decimal) {
        self.add(-amount);
    }
}
