//! An action and how much of it can be generated.

use super::Action;

/// One action together with the result of the checks.
pub(crate) struct Part<'a> {
    pub(crate) action: &'a Action,
    pub(crate) soundness: Soundness,
}

/// How much of an action can be generated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Soundness {
    Sound,
    /// Its structs, but no call of the method.
    Flawed,
    /// Nothing: its names are those of another action.
    Clashing,
}
