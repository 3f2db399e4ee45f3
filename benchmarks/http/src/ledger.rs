//! The acknowledged deposits, and their comparison with the stored accounts.

use bench_common::OPENING;
use rust_decimal::Decimal;

/// The acknowledged deposits of each account: the sum in cents, and the count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ledger(Vec<(i64, u64)>);

impl Ledger {
    pub(crate) fn new(accounts: usize) -> Self {
        Self(vec![(0, 0); accounts])
    }

    pub(crate) fn add(&mut self, account: usize, cents: i64) {
        let (sum, count) = &mut self.0[account];
        *sum += cents;
        *count += 1;
    }

    /// Adds the deposits of another ledger.
    pub(crate) fn merge(&mut self, other: &Self) {
        for ((sum, count), (cents, more)) in self.0.iter_mut().zip(&other.0) {
            *sum += cents;
            *count += more;
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Compares the deposits with the stored balances and versions of all accounts.
    ///
    /// # Errors
    /// The accounts that differ, and the sums.
    pub(crate) fn verify(&self, stored: &[(Decimal, u64)]) -> Result<(), String> {
        let expected = self.0.iter().map(|(cents, count)| {
            // The opening of an account is its first version.
            (Decimal::from(OPENING) + Decimal::new(*cents, 2), count + 1)
        });
        let expected: Vec<(Decimal, u64)> = expected.collect();
        let differing = expected.iter().zip(stored).filter(|(expected, found)| expected != found);
        let differing = differing.count() + expected.len().abs_diff(stored.len());
        if differing == 0 {
            return Ok(());
        }
        let sums = |of: &[(Decimal, u64)]| {
            let balance: Decimal = of.iter().map(|(balance, _)| balance).sum();
            (balance, of.iter().map(|(_, version)| version).sum::<u64>())
        };
        let ((balance, version), (stored_balance, stored_version)) =
            (sums(&expected), sums(stored));
        Err(format!(
            "{differing} accounts differ from the acknowledged deposits: the balances add up to \
             {stored_balance}, and {balance} is acknowledged; the versions to {stored_version}, \
             and {version} is acknowledged"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_and_unacknowledged_deposits_are_seen() {
        let mut ledger = Ledger::new(2);
        ledger.add(1, 1_050);
        let opening = Decimal::from(OPENING);
        let with = |cents, version| vec![(opening, 1), (opening + Decimal::new(cents, 2), version)];
        assert_eq!(ledger.verify(&with(1_050, 2)), Ok(()));
        for wrong in [with(0, 1), with(2_100, 3), with(1_050, 3), vec![(opening, 1)]] {
            assert!(ledger.verify(&wrong).is_err(), "{wrong:?}");
        }
    }
}
