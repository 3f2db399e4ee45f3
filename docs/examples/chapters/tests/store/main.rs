//! The code of the chapter "Writing a store" (`docs/src/store.md`).

mod checks;
mod conformance;
mod wrappers;
