//! Choices that the PostgreSQL store rests on, measured without the store, over tables of the same
//! shape.
//!
//! | file | what it compares |
//! |---|---|
//! | `client/` | tokio-postgres with deadpool, and sqlx: a batch as one call with arrays, and loads of one row |
//! | `positions` | positions under one lock, and without a lock, with the transaction's number beside them |
//!
//! `load` sends calls and tells their rate and latency.

#[cfg(feature = "postgres")]
mod client;
#[cfg(feature = "postgres")]
mod load;
#[cfg(feature = "postgres")]
mod positions;

fn main() {
    #[cfg(feature = "postgres")]
    bench_common::runtime().block_on(async {
        let url = bench_common::pg_url().filter(|_| bench_common::wants_store("postgres"));
        let Some(url) = url else { return };
        client::run(&url).await;
        positions::run(&url).await;
    });
}
