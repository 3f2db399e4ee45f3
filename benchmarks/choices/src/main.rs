//! Design choices of the PostgreSQL store, measured without the store, over tables of the same
//! shape.
//!
//! | file | comparison |
//! |---|---|
//! | `client/` | tokio-postgres with deadpool, and sqlx: batches with arrays, loads of one row |
//! | `positions` | positions under one lock, and without a lock beside the transaction id |
//!
//! In `client/`, a batch is one call with arrays. `load` sends calls and measures their rate and
//! latency.

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
