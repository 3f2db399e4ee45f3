//! Faults planted into the runtime, which the tests of the runtime must find.

/// A fault that makes a runtime break its promises. For tests of tests alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// A refusal is answered without waiting for what it was decided on.
    AnswerRejectionAtOnce,
    /// Units that stand on a fallen one are not taken back with it.
    ForgetDependents,
    /// A refusal, or the answer to a question, is not checked against what the store holds.
    CachedRead,
    /// A command waits for further turns while it keeps those that it has, in no order.
    WaitWhileHolding,
    /// Turns across processes are waited for in no order, while others are kept.
    LeasesInNoOrder,
    /// A command that waits for a turn across processes keeps those of later roots.
    KeepLaterLeases,
    /// A turn across processes is not given back.
    KeepLeases,
}
