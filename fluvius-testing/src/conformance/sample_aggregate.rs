//! The sample aggregate of the suite, for cases that need a runtime over the store.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use fluvius_core::SimpleRejection;
use fluvius_core::{ActionContext, ContextError, Domain, Rejection, aggregate};

/// A purse of coins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Purse {
    pub(crate) coins: u64,
}

/// Errors of a purse.
#[derive(Debug, thiserror::Error, Rejection)]
#[rejection(crate = "crate::conformance::sample_aggregate::unlisted")]
pub(crate) enum PurseError {
    #[error(transparent)]
    #[rejection(transparent)]
    SimpleRejection(#[from] SimpleRejection),
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

#[aggregate(
    resource = "conformance-purse",
    crate = "crate::conformance::sample_aggregate::unlisted"
)]
impl Purse {
    /// Open a purse.
    #[action(evt_key = "purse-opened")]
    pub(crate) fn open_purse(coins: u64) -> Result<Self, PurseError> {
        Ok(Self { coins })
    }

    /// Give coins to another purse, which takes them in the same unit of work.
    #[action(evt_key = "coins-given")]
    pub(crate) async fn give_coins(
        &mut self,
        cx: &mut ActionContext,
        coins: u64,
        to: Uuid,
    ) -> Result<(), PurseError> {
        let left = self.coins.checked_sub(coins);
        self.coins =
            left.ok_or(SimpleRejection::new("too-few-coins", "the purse has fewer coins"))?;
        cx.invoke(to, TakeCoins { coins }).await?;
        cx.message("coins-given", &coins);
        Ok(())
    }

    /// Take the coins of another purse.
    #[action(evt_key = "coins-taken", internal)]
    pub(crate) fn take_coins(&mut self, coins: u64) -> Result<(), PurseError> {
        let sum = self.coins.checked_add(coins);
        self.coins = sum.ok_or(SimpleRejection::new("too-many-coins", "the purse is full"))?;
        Ok(())
    }
}

/// The sample domain of the suite.
#[derive(Domain)]
#[domain(
    aggregates(Purse),
    namespace = "conformance",
    crate = "crate::conformance::sample_aggregate::unlisted"
)]
pub(crate) struct PurseDomain;

/// The paths that generated code needs. Linking is disabled, so the registry of linked types does
/// not list the sample aggregate.
pub(crate) mod unlisted {
    pub(crate) mod __private {
        pub(crate) use fluvius_core::__private::*;

        macro_rules! submit_nothing {
            ($($tokens:tt)*) => {};
        }
        pub(crate) use {submit_nothing as submit, submit_nothing as submit_action};
    }
}
