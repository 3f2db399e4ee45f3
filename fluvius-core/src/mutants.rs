//! Mutants: faults planted into the runtime, which its tests must detect.

/// A fault that makes a runtime break its guarantees. Only for testing the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A rejection is answered before the versions of its decision are durable.
    AnswerRejectionAtOnce,
    /// Dependents of an aborted unit are not aborted with it.
    ForgetDependents,
    /// A rejection or the answer of a read-only action is not checked against the store.
    CachedRead,
    /// A command waits for further locks, in no order, while it holds others.
    WaitWhileHolding,
    /// Leases are acquired in no order while others are held.
    LeasesInNoOrder,
    /// A command that waits for a lease keeps the leases of later aggregates.
    KeepLaterLeases,
    /// A lease is not released.
    KeepLeases,
}
