//! The code of the guide and of the README, compiled and run as the doctests of this crate.
//!
//! The suites are the test targets of this package.

// Only for `cargo test --doc`: the chapters are read in the guide, not in rustdoc.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../docs/src/authoring.md")]
    mod authoring {}
    #[doc = include_str!("../../docs/src/context.md")]
    mod context {}
    #[doc = include_str!("../../docs/src/errors.md")]
    mod errors {}
    #[doc = include_str!("../../docs/src/evolution.md")]
    mod evolution {}
    #[doc = include_str!("../../docs/src/first-domain.md")]
    mod first_domain {}
    #[doc = include_str!("../../docs/src/from-python.md")]
    mod from_python {}
    #[doc = include_str!("../../docs/src/introduction.md")]
    mod introduction {}
    #[doc = include_str!("../../docs/src/reading.md")]
    mod reading {}
    #[doc = include_str!("../../docs/src/reliability.md")]
    mod reliability {}
    #[doc = include_str!("../../docs/src/testing.md")]
    mod testing {}
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../docs/src/running.md")]
    mod running {}
    #[doc = include_str!("../../docs/src/sqlite.md")]
    mod sqlite {}
    #[doc = include_str!("../../docs/src/postgres.md")]
    mod postgres {}
    #[doc = include_str!("../../docs/src/store.md")]
    mod store {}
    #[doc = include_str!("../../docs/src/stored.md")]
    mod stored {}
}
