//! The code of the chapter "Reading states" (`docs/src/reading.md`).

#![allow(unreachable_pub, reason = "the chapter documents the examples")]

mod bounded_pages;
mod filters;
mod following;
mod indexes;
mod pages;
mod snapshots;
mod verifying;
