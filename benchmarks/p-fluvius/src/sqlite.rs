//! Typed commands over the SQLite store, and the same rows by hand.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bench_common::{Bank, BankCommand, BankError, Plan, TempDir, Uuid, matrix};
use fluvius_sqlite::{Durability, SqliteOptions, SqliteStore};

use crate::bank::Typed;
use crate::by_hand::sqlite::{ByHand, Settings};

/// The longest time to wait until a bank has closed its file.
const MAX_CLOSING_TIME: Duration = Duration::from_secs(5);

const FILE: &str = "b.db";

pub(crate) async fn run(plan: &Plan) {
    for sync in ["FULL", "NORMAL"] {
        matrix("fluvius", "sqlite", sync, plan, |_, _| fluvius(options(sync))).await;
        matrix("by-hand", "sqlite", sync, plan, |_, _| by_hand(Settings::usual(sync))).await;
    }
}

/// Returns the options of a store with this setting of `synchronous`.
pub(crate) fn options(sync: &str) -> SqliteOptions {
    SqliteStore::options().durability(match sync {
        "NORMAL" => Durability::Normal,
        _ => Durability::Full,
    })
}

/// Opens fluvius over a separate file.
#[expect(clippy::expect_used, reason = "a new file takes every domain")]
pub(crate) async fn fluvius(options: SqliteOptions) -> OnDisk<Typed> {
    let folder = TempDir::new("fluvius");
    let store = options.open(folder.0.join(FILE)).await.expect("the store is opened");
    let bank = Typed::over(store).await.expect("the domain is built");
    OnDisk { bank: Some(bank), folder }
}

/// Opens fluvius over a separate file, with a size of its cache.
#[expect(clippy::expect_used, reason = "a new file takes every domain")]
pub(crate) async fn with_cache(options: SqliteOptions, capacity: usize) -> OnDisk<Typed> {
    let folder = TempDir::new("fluvius");
    let store = options.open(folder.0.join(FILE)).await.expect("the store is opened");
    let bank = Typed::with_cache(store, capacity).await.expect("the domain is built");
    OnDisk { bank: Some(bank), folder }
}

/// Opens the program by hand over a separate file.
#[expect(clippy::expect_used, reason = "a new file takes every row")]
pub(crate) async fn by_hand(settings: Settings) -> OnDisk<ByHand> {
    let folder = TempDir::new("by-hand");
    let bank = ByHand::open(&folder.0.join(FILE), settings).expect("the file is made");
    OnDisk { bank: Some(bank), folder }
}

/// A bank and the folder of its file. Drop waits until the file is closed, so that remaining work
/// does not run during the next round.
pub(crate) struct OnDisk<B> {
    bank: Option<B>,
    folder: TempDir,
}

impl<B> OnDisk<B> {
    /// Returns the path of the write-ahead log.
    pub(crate) fn log(&self) -> PathBuf {
        log_of(&self.folder.0.join(FILE))
    }
}

impl<B: Bank> Bank for OnDisk<B> {
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        match &self.bank {
            Some(bank) => bank.run(id, command).await,
            None => Err(BankError::other("the bank is closed")),
        }
    }

    async fn balance(&self, id: Uuid) -> Option<rust_decimal::Decimal> {
        self.bank.as_ref()?.balance(id).await
    }
}

impl<B> Drop for OnDisk<B> {
    fn drop(&mut self) {
        self.bank = None;
        wait_until_closed(&self.folder.0.join(FILE));
    }
}

/// Waits until all connections to the file are closed. The last connection removes the log.
pub(crate) fn wait_until_closed(file: &Path) {
    let begun = Instant::now();
    while log_of(file).exists() && begun.elapsed() < MAX_CLOSING_TIME {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Returns the path of the write-ahead log of a file.
fn log_of(file: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", file.display()))
}
