//! The bank over HTTP: deposits by 64 connections, with an `Idempotency-Key` on each request.
//!
//! | file | contents |
//! |---|---|
//! | `system` | the systems, and the servers of them |
//! | `case` | one case: server, accounts, load, verification, line |
//! | `server_process` | the server as a process of its own, and its processor time |
//! | `load` | the load generator: clients in a closed loop |
//! | `connection` | a keep-alive connection |
//! | `ledger` | the acknowledged deposits, and their comparison with the stored balances |
//! | `in_process` | the same commands without HTTP, by `process_command` |
//! | `issuer` | the tokens of the senders, for the cases with an authenticator |
//! | `plain/` | the references: plain axum services over rusqlite and tokio-postgres |

mod case;
mod connection;
mod in_process;
mod issuer;
mod ledger;
mod load;
mod plain;
mod server_process;
mod system;
#[cfg(all(test, feature = "sqlite"))]
mod tests;

use bench_common::runtime;

fn main() {
    match server_process::own() {
        Some(served) => runtime().block_on(server_process::serve(served)),
        None => case::run_all(),
    }
}
