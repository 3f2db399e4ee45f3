//! The contract of a store, against a real server.

use std::sync::Arc;

use fluvius_testing::servers::{TestSchema, TestServer};

use crate::OpenStore;
use fluvius_testing::conformance::{self, Harness};

/// One test a claim, as `store_conformance!` makes them; without a server each says that it is skipped.
macro_rules! cases {
    ([$($part:ident::$claim:ident)*]) => {
        $(
            #[test]
            fn $claim() {
                let Some(server) = TestServer::get() else { return };
                let harness = async move {
                    Harness::new(server.schema(), |schema: Arc<TestSchema>| async move {
                        schema.open().await
                    })
                };
                conformance::run(stringify!($claim), harness);
            }
        )*
    };
}

fluvius_testing::__fluvius_store_claims!([cases]);
