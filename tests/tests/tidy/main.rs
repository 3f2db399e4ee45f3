//! The repository itself: the structure of its crates, and the text of its documentation.

#![allow(missing_docs, reason = "a test binary has no readers of its documentation")]
#![allow(unreachable_pub, reason = "the modules of a test binary have no outside")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod absences;
mod crate_cycles;
mod docs_text;
mod graph;
mod guide;
mod import_graph;
mod module_cycles;
mod planted;
mod prose;
mod sizes;
mod test_names;
mod text;
mod workspace;
