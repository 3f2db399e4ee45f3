//! The code of the chapter "Changing the shape of a state" (`docs/src/evolution.md`).

#![allow(missing_docs, unreachable_pub, reason = "the chapter documents the examples")]

mod revision_1;
mod revision_2;
