//! Wrappers around stores that inject faults or observe calls.

mod altered_rows;
mod hooked;
mod mutated;
mod scripted;

pub use altered_rows::{AlteredRows, Keep, RowFault};
pub use hooked::{HookedStore, StoreCall};
pub use mutated::{MutatedStore, StoreMutant};
pub use scripted::{CommitStep, Indexes, ScriptedStore};
