//! What the macros refuse and what they accept, by the compiler itself.
//!
//! Each file holds many mistakes, since each is a crate to compile. The codes in
//! its comments name the rows of the macros' specification. To write the
//! messages anew: `TRYBUILD=overwrite cargo test -p fluvius-tests --test ui`.

#[test]
fn mistakes_are_reported_at_the_authors_tokens() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}

#[test]
fn valid_blocks_compile_and_run() {
    trybuild::TestCases::new().pass("ui_pass/*.rs");
}
