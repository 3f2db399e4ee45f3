//! Strategies for commands, preconditions and faults.

use fluvius_core::{ETag, Precondition};
use proptest::prelude::*;
use proptest::sample::select;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::bank_model::{BankCommand, any_amount};

use super::model::*;
use super::*;

pub(super) fn any_sent(model: &Model) -> BoxedStrategy<Sent> {
    let realm = prop_oneof![8 => Just(0_usize), 2 => Just(1), 1 => Just(2)];
    let order = prop_oneof![
        5 => any_amount().prop_map(|amount| BankCommand::Deposit { amount }),
        4 => any_amount().prop_map(|amount| BankCommand::Withdraw { amount }),
        6 => (any_amount(), 0..ACCOUNTS)
            .prop_map(|(amount, to)| BankCommand::Transfer { amount, to }),
        1 => Just(BankCommand::Close),
        2 => prop_oneof![Just(Decimal::ZERO), any_amount()]
            .prop_map(|deposit| BankCommand::Open { deposit }),
    ];
    // Preconditions come from the model at the time of the draw: some still hold when the step is
    // applied, some do not.
    let expected_account: Vec<(u64, Vec<Uuid>)> = (0..ACCOUNTS)
        .map(|account| {
            let aggregate_id = model.bank.aggregate_ids.get(&account);
            aggregate_id.map_or((0, Vec::new()), |aggregate_id| {
                (aggregate_id.version(), aggregate_id.commands.clone())
            })
        })
        .collect();
    (realm, 0..ACCOUNTS, order, any_condition(), any_fault())
        .prop_map(move |(realm, account, order, condition, fault)| {
            let (version, ref commands) = expected_account[account];
            let etag = |back: usize| {
                let version = version.saturating_sub(back as u64);
                let command = usize::try_from(version).unwrap().checked_sub(1);
                let command = command.and_then(|at| commands.get(at).copied());
                Precondition::ETag(ETag::new(version, command.unwrap_or(Uuid::from_u128(7))))
            };
            let if_match = condition.map(|condition| match condition {
                Condition::Version(back) => Precondition::Version(version.saturating_sub(back)),
                Condition::ETag(back) => etag(back),
                Condition::Foreign => Precondition::ETag(ETag::new(version, Uuid::from_u128(8))),
            });
            Sent { id: Uuid::nil(), realm, account, order, if_match, fault }
        })
        .boxed()
}

/// The expected version of a caller.
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition {
    /// The current version, or this many before it.
    Version(u64),
    /// The current etag, or the one of this many versions before.
    ETag(usize),
    /// An etag of the current version, from another history.
    Foreign,
}

pub(super) fn any_condition() -> impl Strategy<Value = Option<Condition>> {
    prop_oneof![
        12 => Just(None),
        2 => Just(Some(Condition::Version(0))),
        1 => Just(Some(Condition::Version(1))),
        2 => Just(Some(Condition::ETag(0))),
        1 => Just(Some(Condition::ETag(1))),
        1 => Just(Some(Condition::Foreign)),
    ]
}

pub(super) fn any_fault() -> impl Strategy<Value = Option<Malformed>> {
    let broken = [
        Broken::NotAnObject,
        Broken::FieldMissing,
        Broken::FieldUnknown,
        Broken::WrongType,
        Broken::TooManyDigits,
        Broken::FieldTwice,
    ];
    prop_oneof![
        24 => Just(None),
        1 => select(vec!["", "deposit", "Deposit-Money", "money-deposited"])
            .prop_map(|key| Some(Malformed::UnknownKey(key))),
        1 => Just(Some(Malformed::Internal)),
        1 => select(vec!["", "bank-accounts", "Bank-Account", "user"])
            .prop_map(|resource| Some(Malformed::WrongResource(resource))),
        2 => select(broken.to_vec()).prop_map(|broken| Some(Malformed::Payload(broken))),
    ]
}
