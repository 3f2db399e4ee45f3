//! The model: the author's meaning. Every derived name is decided here.

pub(crate) mod action;
pub(crate) mod aggregate;
pub(crate) mod date;
pub(crate) mod docs;
pub(crate) mod domain;
pub(crate) mod example;
pub(crate) mod inherited;
pub(crate) mod markdown;
pub(crate) mod names;
pub(crate) mod outcome;
pub(crate) mod param;
pub(crate) mod part;
pub(crate) mod private_path;
pub(crate) mod rejection;
pub(crate) mod self_type;
pub(crate) mod timeout;
pub(crate) mod types;

pub(crate) use action::{Action, EventModel, Lifecycle, Receiver};
pub(crate) use aggregate::{Aggregate, Index};
pub(crate) use outcome::{Answer, Outcome};
pub(crate) use param::{Argument, Field, InvalidParam};
pub(crate) use part::{Part, Soundness};
pub(crate) use private_path::{PrivatePath, Root};
pub(crate) use self_type::SelfType;
