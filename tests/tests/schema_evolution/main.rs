//! The schema evolution suite: revisions 2 and 3 of an aggregate type over data of revision 1,
//! written now to memory and PostgreSQL, or read from an SQLite file in this folder.

#![allow(missing_docs, reason = "the name of a test is its documentation")]
#![allow(unreachable_pub, reason = "no other crate uses the modules of a suite")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]

mod revision_1;
mod revision_1_store;
mod revision_2;
mod revision_3;

/// Runs each case over each store that revision 1 has written.
macro_rules! over_each_store {
    ($($claim:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $claim() {
                super::$claim(crate::revision_1_store::memory().await).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $claim() {
                let file = crate::revision_1_store::File::copied();
                super::$claim(file.open().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $claim() {
                let Some(schema) = crate::revision_1_store::schema().await else { return };
                let options = fluvius_postgres::PostgresStore::options().schema(schema.name());
                super::$claim(options.open(schema.url()).await.unwrap()).await;
            })*
        }
    };
}

mod fixture;
mod newer_revisions;
mod replayed_commands;
mod upcast_faults;
mod upcast_on_read;
mod upcast_on_write;
