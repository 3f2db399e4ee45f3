//! Decode, encode and change: from JSON to a command, from a state to JSON, from two states to a
//! patch.

use std::hint::black_box;

use banking_domain::{Account, DepositMoney};
use criterion::Criterion;
use fluvius_core::json::{Json, StateDelta, encode};
use rust_decimal::Decimal;

use crate::bank::{PAYLOAD, amount};

#[expect(clippy::expect_used, reason = "the payload and the states are valid")]
pub(crate) fn measure(criterion: &mut Criterion) {
    let payload = Json::parse(PAYLOAD).expect("the payload is JSON");
    let mut decode = criterion.benchmark_group("decode");
    decode.bench_function("text-to-json", |b| b.iter(|| Json::parse(black_box(PAYLOAD))));
    decode.bench_function("json-to-command", |b| {
        b.iter(|| black_box(&payload).decode::<DepositMoney>());
    });
    decode.finish();

    let account = |cents| Account {
        account_number: "0123456789".into(),
        owner_name: "Ada Lovelace".into(),
        balance: Decimal::new(cents, 2),
    };
    let (old, new) = (account(100_000_000), account(100_001_050));
    let mut encoded = criterion.benchmark_group("encode");
    encoded.bench_function("state", |b| b.iter(|| encode(black_box(&new))));
    let command = DepositMoney { amount: amount() };
    encoded.bench_function("command", |b| b.iter(|| encode(black_box(&command))));
    encoded.finish();

    let old = encode(&old).expect("a state is encoded");
    let new = encode(&new).expect("a state is encoded");
    let mut change = criterion.benchmark_group("change");
    change.bench_function("one-field", |b| {
        b.iter(|| StateDelta::between(black_box(Some(&old)), black_box(&new)));
    });
    change.finish();
}
