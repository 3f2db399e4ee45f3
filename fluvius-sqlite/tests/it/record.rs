//! The record of a disk, and the files that a loss of power may leave.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::path::Path;

use fluvius_core::uuid::Uuid;
use fluvius_testing::SeededRng;

/// Size of the part that a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// An operation on one file.
enum Done {
    Written { at: usize, bytes: Vec<u8> },
    Truncated { length: usize },
    Synced,
}

/// All operations in their order, each with the name of its file.
pub(crate) struct Record(Vec<(String, Done)>);

/// Treatment of writes that were not synced.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unsynced {
    Lost,
    Kept,
    /// Each write is lost, kept or torn at random.
    Torn,
}

impl Record {
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let mut rest = bytes.as_slice();
        let mut entries = Vec::new();
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
            let line = std::str::from_utf8(&rest[..end]).unwrap();
            rest = &rest[end + 1..];
            let parts: Vec<&str> = line.splitn(4, ' ').collect();
            let [kind, at, length, path] = parts[..] else { panic!("{line}") };
            let (at, length) = (at.parse().unwrap(), length.parse().unwrap());
            let done = match kind {
                "w" => Done::Written { at, bytes: rest[..length].to_vec() },
                "t" => Done::Truncated { length: at },
                _ => Done::Synced,
            };
            rest = &rest[length..];
            let name = Path::new(path).file_name().unwrap().to_str().unwrap();
            entries.push((name.to_owned(), done));
        }
        Self(entries)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the index of the first mark.
    pub(crate) fn first_mark(&self) -> usize {
        self.0.iter().position(|(name, _)| name == MARKS).unwrap()
    }

    /// Returns the marks of the program within the first `count` entries.
    pub(crate) fn marked(&self, count: usize) -> Vec<Uuid> {
        let marks = self.0[..count].iter().filter(|(name, _)| name == MARKS);
        let marks = marks.map(|(_, done)| match done {
            Done::Written { bytes, .. } => Uuid::from_slice(bytes).unwrap(),
            _ => panic!("a mark is written"),
        });
        marks.collect()
    }

    /// Counts the writes at an offset of a file.
    pub(crate) fn write_count(&self, of: &str, place: usize) -> usize {
        let written = |(name, done): &&(String, Done)| {
            name == of && matches!(done, Done::Written { at, .. } if *at == place)
        };
        self.0.iter().filter(written).count()
    }

    /// Writes the files that a loss of power after `count` entries may leave. The first `kept`
    /// entries are always on the disk.
    pub(crate) fn leave(
        &self,
        kept: usize,
        count: usize,
        unsynced: Unsynced,
        random: &mut SeededRng,
        folder: &Path,
    ) {
        let mut synced: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, (name, done)) in self.0[..count].iter().enumerate() {
            if matches!(done, Done::Synced) {
                synced.insert(name, number);
            }
        }
        let mut files: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
        for (number, (name, done)) in self.0[..count].iter().enumerate() {
            // The index of the log is rebuilt. The journal was used before the first mark only.
            if name == MARKS || name.ends_with("-shm") || name.ends_with("-journal") {
                continue;
            }
            let file = files.entry(name).or_default();
            let is_durable = number < kept || synced.get(name.as_str()) > Some(&number);
            match done {
                Done::Written { at, bytes } => {
                    let (from, to) = match is_durable {
                        true => (0, bytes.len()),
                        false => unsynced.part(bytes.len(), random),
                    };
                    if from < to {
                        let end = at + to;
                        file.resize(file.len().max(end), 0);
                        file[at + from..end].copy_from_slice(&bytes[from..to]);
                    }
                }
                Done::Truncated { length } => {
                    if is_durable || unsynced.part(1, random) == (0, 1) {
                        file.resize(*length, 0);
                    }
                }
                Done::Synced => {}
            }
        }
        for (name, bytes) in files {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }
}

impl Unsynced {
    /// Returns the range of a write of this many bytes that is on the disk.
    fn part(self, length: usize, random: &mut SeededRng) -> (usize, usize) {
        match self {
            Self::Lost => (0, 0),
            Self::Kept => (0, length),
            Self::Torn => {
                let bytes = u64::try_from(length).unwrap();
                let cut = random.below(bytes.div_ceil(SECTOR_BYTES) + 1) * SECTOR_BYTES;
                let cut = usize::try_from(cut.min(bytes)).unwrap();
                match random.below(4) {
                    0 => (0, 0),
                    1 => (0, length),
                    2 => (0, cut),
                    _ => (cut, length),
                }
            }
        }
    }
}

/// Name of the file with the marks: the ids of the answered commands.
pub(crate) const MARKS: &str = "marks";
