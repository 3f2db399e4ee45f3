//! The account as an aggregate of distributed.

use distributed::{Entity, Snapshot, sourced};
use rust_decimal::Decimal;

#[derive(Default, Snapshot)]
pub(crate) struct Account {
    pub entity: Entity,
    pub balance: Decimal,
}

#[sourced(entity, aggregate_type = "bank.account")]
impl Account {
    #[event("opened")]
    pub(crate) fn opened(&mut self, id: String, amount: Decimal) {
        self.entity.set_id(&id);
        self.balance = amount;
    }

    #[event("deposited")]
    pub(crate) fn deposited(&mut self, amount: Decimal) {
        self.balance += amount;
    }

    #[event("withdrawn")]
    pub(crate) fn withdrawn(&mut self, amount: Decimal) {
        self.balance -= amount;
    }
}
