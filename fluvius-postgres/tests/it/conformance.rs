//! The conformance suite over a real server.

use std::sync::Arc;

use fluvius_testing::servers::{TestSchema, TestServer};

use crate::OpenStore;
use fluvius_testing::conformance::{self, Harness};

/// Generates one test per case, as `store_conformance!`. Without a server, each prints that it is
/// skipped.
macro_rules! cases {
    ([$($part:ident::$case:ident)*]) => {
        $(
            #[test]
            fn $case() {
                let Some(server) = TestServer::get() else { return };
                let harness = async move {
                    Harness::new(server.schema(), |schema: Arc<TestSchema>| async move {
                        schema.open().await
                    })
                };
                conformance::run(stringify!($case), harness);
            }
        )*
    };
}

fluvius_testing::__fluvius_store_cases!([cases]);
