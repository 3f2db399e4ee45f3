//! Schema evolution: programs of revisions 2 and 3 over what revision 1 has written: just now in memory and in PostgreSQL,
//! and in an SQLite file that is kept here.

#![allow(missing_docs, reason = "a test is told by its name")]
#![allow(unreachable_pub, reason = "the modules of a test binary have no outside")]
#![allow(clippy::unwrap_used, reason = "helpers of tests end the test")]

mod life;
mod revision_1;
mod revision_2;
mod revision_3;

/// Runs each claim over each store that revision 1 has written.
macro_rules! over_each_store {
    ($($claim:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $claim() {
                super::$claim(crate::life::memory().await).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $claim() {
                let file = crate::life::File::copied();
                super::$claim(file.open().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $claim() {
                let Some(schema) = crate::life::schema().await else { return };
                super::$claim(fluvius_postgres::PostgresStore::options().schema(schema.name()).open(schema.url()).await.unwrap()).await;
            })*
        }
    };
}

mod faults;
mod fixture;
mod newer;
mod reading;
mod retries;
mod writing;
