//! Limits of the disk: appends with fdatasync, one by one and by one writer for all clients.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use bench_common::{BankCommand, Plan, TempDir, Uuid, matrix, repeat, wants_store};
use rust_decimal::Decimal;

use crate::group::GroupBank;
use crate::records::event_record;

/// The measured time of one figure.
const TIME: Duration = Duration::from_millis(1500);

/// The number of bytes written beforehand: 8 MiB.
const WRITTEN_BYTES: u64 = 8 << 20;

pub(crate) async fn run(plan: &Plan) {
    if !wants_store("file") {
        return;
    }
    for size in [256_usize, 4096] {
        let name = format!("fdatasync_append_{size}B");
        let note = "write and fdatasync, one thread, growing file";
        repeat("limit", &name, "appends/s", note, || async move { growing(size) }).await;
    }
    let note = "the same into a file written full of zeros beforehand (no size change at a sync)";
    repeat("limit", "fdatasync_prealloc_256B", "appends/s", note, || async { in_place() }).await;
    matrix("raw-file-group-commit", "file", "fdatasync", plan, |_, _| async { log_bank() }).await;
}

fn growing(size: usize) -> f64 {
    let folder = TempDir::new("fsync");
    let mut file = File::create(folder.0.join("log")).unwrap();
    let bytes = vec![7_u8; size];
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < TIME {
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

fn in_place() -> f64 {
    let folder = TempDir::new("fsync");
    let file = File::create(folder.0.join("log")).unwrap();
    let zeros = vec![0_u8; 1 << 20];
    for at in (0..WRITTEN_BYTES).step_by(zeros.len()) {
        file.write_all_at(&zeros, at).unwrap();
    }
    file.sync_all().unwrap();
    let bytes = [7_u8; 256];
    let (start, mut count) = (Instant::now(), 0_u32);
    while start.elapsed() < TIME && (u64::from(count) + 1) * 256 < WRITTEN_BYTES {
        file.write_all_at(&bytes, u64::from(count) * 256).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// Creates a bank that only appends to one file.
fn log_bank() -> GroupBank {
    let folder = TempDir::new("group");
    let mut file = File::create(folder.0.join("log")).unwrap();
    let mut balances: HashMap<Uuid, Decimal> = HashMap::new();
    let mut bytes = Vec::new();
    GroupBank::start(move |batch| {
        let _kept = &folder;
        bytes.clear();
        for job in batch {
            let mut event = event_record();
            event.aggroot_id = job.id;
            let balance = balances.entry(job.id).or_default();
            event.amount = match job.command {
                BankCommand::Open(amount) | BankCommand::Deposit(amount) => {
                    *balance += amount;
                    amount
                }
                BankCommand::Withdraw(amount) => {
                    *balance -= amount;
                    amount
                }
            };
            event.balance = *balance;
            serde_json::to_writer(&mut bytes, &event).unwrap();
            bytes.push(b'\n');
        }
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
    })
}
