//! The commands of a client. They depend only on the seed, so they are the same for every system.

use rust_decimal::Decimal;

use crate::bank::BankCommand;

/// A pseudorandom number generator: the same seed gives the same numbers.
#[derive(Debug)]
pub struct Rng(u64);

impl Rng {
    /// Creates the generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Returns the next number.
    ///
    /// # Source
    /// Marsaglia, Xorshift RNGs (2003), the triple 13, 7, 17.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Returns a number below `bound`.
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        u32::try_from(self.draw() % u64::from(bound)).unwrap_or(0)
    }
}

/// Returns the next command: a deposit or a withdrawal of 0.01 to 100.00.
pub fn next_command(rng: &mut Rng) -> BankCommand {
    let cents = i64::from(rng.below(10_000)) + 1;
    let amount = Decimal::new(cents, 2);
    if rng.draw() & 1 == 0 { BankCommand::Deposit(amount) } else { BankCommand::Withdraw(amount) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_commands_half_of_them_deposits() {
        let commands = |seed| {
            let mut rng = Rng::new(seed);
            (0..10_000).map(|_| next_command(&mut rng)).collect::<Vec<_>>()
        };
        let (first, again, other) = (commands(1), commands(1), commands(2));
        assert_eq!(format!("{first:?}"), format!("{again:?}"));
        assert_ne!(format!("{first:?}"), format!("{other:?}"));
        let is_deposit = |command: &&BankCommand| matches!(command, BankCommand::Deposit(_));
        let deposits = first.iter().filter(is_deposit).count();
        assert!((4_800..5_200).contains(&deposits), "{deposits}");
    }
}
