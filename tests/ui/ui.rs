//! Compile tests of the macros: rejected and accepted blocks.
//!
//! Each file is a crate to compile, so it has many mistakes. The codes in its comments are the rows
//! of the macros' specification. To update the messages:
//! `TRYBUILD=overwrite cargo test -p fluvius-ui-tests`.

#[test]
fn mistakes_are_reported_at_the_authors_tokens() {
    trybuild::TestCases::new().compile_fail("fail/*.rs");
}

#[test]
fn valid_blocks_compile_and_run() {
    trybuild::TestCases::new().pass("pass/*.rs");
}
