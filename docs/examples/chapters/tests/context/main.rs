//! The code of the chapter "Actions and their context" (`docs/src/context.md`).

#![allow(missing_docs, unreachable_pub, reason = "the chapter documents the examples")]

mod clocks;
mod invoices;
mod stocks;
mod tasks;
mod users;
