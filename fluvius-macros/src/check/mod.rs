//! Checks of the model. A check adds errors and changes nothing.

pub(crate) mod collisions;
pub(crate) mod domain;
pub(crate) mod event;
mod framework_codes;
pub(crate) mod hidden_names;
pub(crate) mod impl_block;
pub(crate) mod indexes;
pub(crate) mod keys;
pub(crate) mod options;
pub(crate) mod outcome;
pub(crate) mod params;
pub(crate) mod receiver;
pub(crate) mod rejection;
pub(crate) mod signature;

use crate::errors::Errors;
use crate::model::{Aggregate, Part, Soundness};

/// Checks the block as a whole. Returns `false` if nothing can be generated beside it.
pub(crate) fn block(aggregate: &Aggregate, errors: &mut Errors) -> bool {
    let before = errors.count();
    impl_block::place(aggregate, errors);
    let is_sound = errors.count() == before;
    impl_block::options(aggregate, errors);
    indexes::indexes(aggregate, errors);
    is_sound
}

/// Checks the actions. Returns those that can be generated.
pub(crate) fn actions<'a>(aggregate: &'a Aggregate, errors: &mut Errors) -> Vec<Part<'a>> {
    let clashing = collisions::collisions(aggregate, errors);
    let mut parts = Vec::new();
    for (at, action) in aggregate.actions.iter().enumerate() {
        let before = errors.count();
        signature::signature(action, errors);
        receiver::receiver(action, errors);
        params::params(action, errors);
        outcome::outcome(aggregate, action, errors);
        let is_flawed = errors.count() > before;
        event::event(action, errors);
        keys::keys(action, errors);
        options::options(aggregate, action, errors);
        signature::visibility(aggregate, action, errors);
        signature::docs(action, errors);
        let soundness = match (clashing.contains(&at), is_flawed) {
            (true, _) => Soundness::Clashing,
            (false, true) => Soundness::Flawed,
            (false, false) => Soundness::Sound,
        };
        if soundness != Soundness::Clashing {
            parts.push(Part { action, soundness });
        }
    }
    parts
}
