//! The parts of the contract that a store may leave out.

/// The optional parts of the store contract that a store supports. The default is none.
///
/// A domain that needs a missing one fails to build with `store-unsupported`. The conformance suite
/// checks the stated ones.
///
/// # Examples
///
/// ```
/// use fluvius_store::work::Capabilities;
///
/// assert!(!Capabilities::none().subscriptions);
/// assert!(Capabilities::all().subscriptions);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Capabilities {
    /// Work rows: [`work`](crate::Store::work), [`write_work`](crate::Store::write_work) and
    /// [`incarnation`](crate::Store::incarnation).
    pub subscriptions: bool,
}

impl Capabilities {
    /// Returns the capabilities of a store that has only the required methods.
    pub const fn none() -> Self {
        Self { subscriptions: false }
    }

    /// Returns all capabilities.
    pub const fn all() -> Self {
        Self { subscriptions: true }
    }
}
