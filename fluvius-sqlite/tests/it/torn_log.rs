//! The write-ahead log after a crash (T4): cut, torn or corrupted anywhere, and during a
//! checkpoint.

use std::collections::BTreeMap;
use std::path::Path;

use fluvius_core::CommandRecord;
use fluvius_core::Store;
use fluvius_core::uuid::Uuid;
use fluvius_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::child::{self, ChildProcess};
use crate::damaged::is_closed;
use crate::purses::{self, Pair};
use crate::units::commit;

const PAGE_BYTES: usize = 4096;
const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const FRAME_BYTES: usize = FRAME_HEADER_BYTES + PAGE_BYTES;

/// Minimum size of the log, in bytes.
const LOG_BYTES: u64 = 1024 * 1024;

/// The program of the killed process; a no-op in the first. It makes no checkpoint.
#[tokio::test]
async fn a_process_that_is_killed() {
    let Some(file) = child::file() else { return };
    let file = Path::new(&file);
    let store = SqliteStore::options().wal_bytes(u64::MAX, u64::MAX).open(file).await.unwrap();
    let log_bytes = || file.with_extension("db-wal").metadata().unwrap().len();
    let mut pairs = [(); 4].map(|()| Pair::new(0));
    let mut end = 0;
    while end < LOG_BYTES {
        for pair in &mut pairs {
            let unit = pair.next();
            let id = unit.commands[0].id;
            commit(&store, unit).await;
            end = log_bytes();
            child::send_line(format!("{id} {end}"));
        }
    }
    child::send_line("done");
    child::receive_line();
}

/// The files of the killed process, and the end of each transaction in the log.
struct Left {
    file: Vec<u8>,
    log: Vec<u8>,
    ends: Vec<(Uuid, usize)>,
}

fn left() -> Left {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let mut process = ChildProcess::start("torn_log::a_process_that_is_killed", &file, |_| {});
    let mut ends = Vec::new();
    loop {
        let line = process.receive();
        let Some((id, end)) = line.split_once(' ') else { break };
        ends.push((id.parse().unwrap(), end.parse().unwrap()));
    }
    process.kill();
    let log = std::fs::read(file.with_extension("db-wal")).unwrap();
    let file = std::fs::read(file).unwrap();
    assert!(log.len() >= usize::try_from(LOG_BYTES).unwrap());
    assert_eq!((log.len() - HEADER_BYTES) % FRAME_BYTES, 0);
    Left { file, log, ends }
}

impl Left {
    /// Checks that a store with these files has exactly the transactions in the first `good` bytes
    /// of the log, and accepts commits.
    async fn check(&self, file: &[u8], log: &[u8], good: usize, what: &str) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("store.db");
        std::fs::write(&path, file).unwrap();
        std::fs::write(folder.path().join("store.db-wal"), log).unwrap();
        let store =
            SqliteStore::open(&path).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let found = purses::look(&store).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let expected = self.ends.iter().take_while(|(_, end)| *end <= good);
        let expected: Vec<Uuid> = expected.map(|(id, _)| *id).collect();
        assert!(found == expected, "{what}: {} units, not {}", found.len(), expected.len());
        // A commit takes as long as the rest, so only some of the cases check it.
        if !good.is_multiple_of(7) {
            return;
        }
        commit(&store, Pair::new(0).next()).await;
        drop(store);
        is_closed(&path).await;
        let store = SqliteStore::open(&path).await.unwrap();
        let commands = store.read_log::<CommandRecord>(&crate::units::all()).await.unwrap().rows;
        assert_eq!(commands.len(), 2 * (expected.len() + 1), "{what}");
    }

    /// Returns at most `count` offsets at the ends of frames, and one byte before and after them.
    /// With `FLUVIUS_SQLITE_TORN=every`, returns each offset of the log.
    fn places(&self, count: usize) -> Vec<usize> {
        let length = self.log.len();
        match std::env::var("FLUVIUS_SQLITE_TORN").as_deref() {
            Ok("every") => (0..length).collect(),
            Ok(other) => panic!("FLUVIUS_SQLITE_TORN={other}: set it to `every`, or remove it"),
            Err(_) => {
                let ends = (HEADER_BYTES..=length).step_by(FRAME_BYTES);
                let places = ends.flat_map(|end| [end - 1, end, end + 1]);
                let places: Vec<usize> = [0, 1].into_iter().chain(places).collect();
                let places = places.into_iter().filter(|place| *place < length);
                let places: Vec<usize> = places.collect();
                let count = count.min(places.len());
                (0..count).map(|number| places[number * places.len() / count]).collect()
            }
        }
    }
}

#[tokio::test]
async fn a_cut_log_keeps_its_complete_transactions() {
    let left = left();
    left.check(&left.file, &left.log, left.log.len(), "whole").await;
    for place in left.places(200) {
        left.check(&left.file, &left.log[..place], place, &format!("cut at {place}")).await;
    }
}

#[tokio::test]
async fn transactions_before_a_wrong_byte_are_kept() {
    let left = left();
    for place in left.places(30) {
        let mut log = left.log.clone();
        log[place] ^= 0x40;
        left.check(&left.file, &log, place, &format!("byte {place}")).await;
    }
}

/// A crash after the file system has allocated the space, and before the bytes are written.
#[tokio::test]
async fn transactions_before_trailing_zeros_are_kept() {
    let left = left();
    for place in left.places(30) {
        let mut log = left.log.clone();
        log[place..].fill(0);
        // Bytes that were zero before are not damaged.
        let good = left.log[place..].iter().position(|byte| *byte != 0).unwrap() + place;
        left.check(&left.file, &log, good, &format!("zeros from {place}")).await;
    }
}

/// A checkpoint writes the pages into the file in their order. A crash may keep any number of them;
/// the log still has all pages.
#[tokio::test]
async fn a_crash_during_a_checkpoint_loses_nothing() {
    let left = left();
    let mut pages: BTreeMap<usize, &[u8]> = BTreeMap::new();
    for frame in left.log[HEADER_BYTES..].chunks(FRAME_BYTES) {
        let number = u32::from_be_bytes(frame[..4].try_into().unwrap());
        pages.insert(usize::try_from(number).unwrap() - 1, &frame[FRAME_HEADER_BYTES..]);
    }
    let mut file = left.file.clone();
    for (number, page) in pages {
        let at = number * PAGE_BYTES;
        file.resize(file.len().max(at + PAGE_BYTES), 0);
        // Some pages are written by half first.
        let torn = number.is_multiple_of(4).then_some(PAGE_BYTES / 2);
        for bytes in torn.into_iter().chain([PAGE_BYTES]) {
            file[at..at + bytes].copy_from_slice(&page[..bytes]);
            let what = format!("{bytes} bytes of page {number}");
            left.check(&file, &left.log, left.log.len(), &what).await;
        }
    }
}
