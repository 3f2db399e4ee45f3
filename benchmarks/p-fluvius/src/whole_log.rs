//! The units per transaction, and the bytes of the write-ahead log per command. Both are read from
//! the log itself. In these rounds the log is never copied into the file, so it contains every
//! transaction.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bench_common::{Bank, BankCommand, BankError, Plan, Uuid, matrix, report, selected};

use crate::by_hand::sqlite::Settings;
use crate::sqlite::{self, OnDisk};

/// A size that the log of a round never reaches.
const MAX_LOG_BYTES: u64 = 1 << 40;

/// The measured cases. All have 64 clients, since only concurrent clients share transactions.
const CASES: [(usize, usize); 2] = [(1, 64), (1000, 64)];

pub(crate) async fn run(plan: &Plan) {
    let never_copied = || sqlite::options("FULL").wal_bytes(MAX_LOG_BYTES, MAX_LOG_BYTES);
    system("fluvius", plan, || sqlite::fluvius(never_copied())).await;
    let never_copied = Settings { sync: "FULL", checkpoint_pages: 0 };
    system("by-hand", plan, || sqlite::by_hand(never_copied)).await;
}

async fn system<B: Bank, Fut: Future<Output = OnDisk<B>>>(
    name: &str,
    plan: &Plan,
    make: impl Fn() -> Fut,
) {
    if !selected(&format!("{name}/sqlite(whole log)/FULL")) {
        return;
    }
    for case in plan.cases.iter().filter(|case| CASES.contains(case)) {
        let plan = Plan { cases: vec![*case], ..plan.clone() };
        let rounds: RefCell<Vec<Arc<Mutex<Round>>>> = RefCell::default();
        matrix(name, "sqlite(whole log)", "FULL", &plan, |_, _| {
            let round = Arc::default();
            rounds.borrow_mut().push(Arc::clone(&round));
            let made = make();
            async {
                Counted {
                    bank: made.await,
                    before: OnceLock::new(),
                    sent: AtomicU64::new(0),
                    round,
                }
            }
        })
        .await;
        let (accounts, clients) = *case;
        let figure = |what: &str| format!("{name}/{accounts}x{clients}/{what}");
        let rounds: Vec<Round> = rounds.borrow().iter().skip(1).map(|round| *lock(round)).collect();
        let of = |value: fn(&Round) -> f64| rounds.iter().map(value).collect::<Vec<f64>>();
        let note = format!("{accounts} accounts, {clients} clients, FULL; the opening not counted");
        let sizes = of(|round| round.commands as f64 / round.log.transactions.max(1) as f64);
        report("log", &figure("units_a_transaction"), "units", &sizes, &note);
        let bytes = of(|round| round.log.bytes as f64 / round.commands.max(1) as f64);
        report("log", &figure("log_bytes"), "bytes/command", &bytes, &note);
    }
}

/// The log of a round, and its number of commands.
#[derive(Clone, Copy, Default)]
struct Round {
    log: Log,
    commands: u64,
}

fn lock(round: &Mutex<Round>) -> std::sync::MutexGuard<'_, Round> {
    round.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A bank that reads its log twice: before the first command after the openings, and on drop.
struct Counted<B> {
    bank: OnDisk<B>,
    before: OnceLock<Log>,
    sent: AtomicU64,
    round: Arc<Mutex<Round>>,
}

impl<B: Bank> Bank for Counted<B> {
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        if !matches!(command, BankCommand::Open(_)) {
            self.before.get_or_init(|| Log::read(&self.bank.log()).unwrap_or_default());
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
        self.bank.run(id, command).await
    }

    async fn balance(&self, id: Uuid) -> Option<rust_decimal::Decimal> {
        self.bank.balance(id).await
    }
}

impl<B> Drop for Counted<B> {
    fn drop(&mut self) {
        let before = self.before.get().copied().unwrap_or_default();
        let after = Log::read(&self.bank.log()).unwrap_or_default();
        let log = Log {
            transactions: after.transactions.saturating_sub(before.transactions),
            bytes: after.bytes.saturating_sub(before.bytes),
        };
        *lock(&self.round) = Round { log, commands: self.sent.load(Ordering::Relaxed) };
    }
}

/// The contents of a write-ahead log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Log {
    transactions: u64,
    bytes: u64,
}

impl Log {
    /// Reads a log that has never restarted from its beginning.
    ///
    /// # Source
    /// SQLite, "WAL-mode File Format" (walformat.html), sections 2.1 and 2.2. The header has 32
    /// bytes, with the page size at offset 8. A frame has a header of 24 bytes, and a page. If the
    /// frame ends a transaction, the value at offset 4 is the size of the file, else 0. The
    /// header's salt is at offset 8 of the frame.
    fn read(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut header = [0; 32];
        file.read_exact_at(&mut header, 0)?;
        let word = |bytes: &[u8], at: usize| {
            bytes[at..at + 4].iter().fold(0, |word: u64, byte| word << 8 | u64::from(*byte))
        };
        let frame_bytes = 24 + word(&header, 8);
        let mut log = Self { transactions: 0, bytes: 32 };
        let mut frame = [0; 24];
        while file.read_exact_at(&mut frame, log.bytes).is_ok() && frame[8..16] == header[16..24] {
            log.bytes += frame_bytes;
            log.transactions += u64::from(word(&frame, 4) > 0);
        }
        Ok(log)
    }
}

#[cfg(test)]
mod tests {
    use bench_common::TempDir;
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn transactions_and_bytes_are_those_of_the_log() {
        let folder = TempDir::new("whole-log");
        let connection = Connection::open(folder.0.join("b.db")).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        connection.execute_batch("CREATE TABLE t (a)").unwrap();
        let path = folder.0.join("b.db-wal");
        let before = Log::read(&path).unwrap();
        for _ in 0..7 {
            connection
                .execute_batch(
                    "BEGIN; INSERT INTO t VALUES (1), (2); INSERT INTO t VALUES (3); COMMIT",
                )
                .unwrap();
        }
        let after = Log::read(&path).unwrap();
        assert_eq!(after.transactions - before.transactions, 7);
        // Each transaction writes the single page of the table.
        assert_eq!(after.bytes - before.bytes, 7 * (24 + 4096));
        assert_eq!(after.bytes, path.metadata().unwrap().len());
    }
}
