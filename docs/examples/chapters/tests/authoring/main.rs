//! The code of the chapter "Aggregate types and actions" (`docs/src/authoring.md`).

#![allow(missing_docs, unreachable_pub, reason = "the chapter documents the examples")]

mod linked_items;
mod loans;
mod lockers;
mod parcels;
mod shelves;
