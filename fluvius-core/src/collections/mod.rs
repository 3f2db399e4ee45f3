//! Collections used on the path of every command.

mod fast_map;
mod one_vec;

pub(crate) use fast_map::FastMap;
pub(crate) use one_vec::OneVec;
