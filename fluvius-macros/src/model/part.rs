//! An action, and the part of it that can be generated.

use super::Action;

/// An action with the result of its checks.
pub(crate) struct Part<'a> {
    pub(crate) action: &'a Action,
    pub(crate) soundness: Soundness,
}

/// The extent to which an action can be generated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Soundness {
    Sound,
    /// Its structs are generated, but no call of the method.
    Flawed,
    /// Nothing is generated, since its names are those of another action.
    Clashing,
}
