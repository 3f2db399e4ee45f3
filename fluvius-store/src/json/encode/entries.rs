//! Map entries, sorted by key while they are encoded.
//!
//! The iteration order of a `HashMap` differs between instances. A map that is already sorted, such
//! as a `BTreeMap` with string keys, is written once and not sorted again.

use std::ops::Range;

use serde::{Serialize, Serializer, ser};

use super::serialize_compound::Level;
use super::{Error, Outcome};
use crate::json::tokenizer::{members, unescape};
use crate::json::validate::grammar;

/// A map that is being encoded.
pub(super) struct Entries<'a> {
    level: Level<'a>,
    /// The position of the opening brace.
    start: usize,
    /// The last key, without its quotes.
    key: Range<usize>,
    is_sorted: bool,
}

impl<'a> Entries<'a> {
    pub(super) fn of(level: Level<'a>) -> Self {
        let end = level.encoder.text.len();
        Self { level, start: end - 1, key: end..end, is_sorted: true }
    }

    /// Records the key that begins with the quote at `start`.
    fn note_key(&mut self, start: usize, is_first: bool) {
        let text = &self.level.encoder.text;
        let key = start + 1..text.len() - 1;
        let (last, next) = (text.get(self.key.clone()), text.get(key.clone()));
        // An escaped key does not sort like its text.
        let is_plain = next.is_some_and(|next| !next.contains(&b'\\'));
        self.is_sorted &= is_plain && (is_first || last < next);
        self.key = key;
    }

    #[cold]
    fn sort(start: usize, text: &mut Vec<u8>, has_verbatim: bool) {
        let Some(Ok(object)) = text.get(start..).map(str::from_utf8) else { return };
        if has_verbatim && grammar(object).is_err() {
            return;
        }
        let mut entries: Vec<_> =
            members(object).map(|(key, value)| (unescape(key), key, value)).collect();
        entries.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        let mut sorted = Vec::with_capacity(object.len());
        for (_, key, value) in &entries {
            sorted.push(if sorted.is_empty() { b'{' } else { b',' });
            sorted.extend_from_slice(key.as_bytes());
            sorted.push(b':');
            sorted.extend_from_slice(value.as_bytes());
        }
        sorted.push(b'}');
        text.truncate(start);
        text.extend_from_slice(&sorted);
    }
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Outcome {
        let is_first = self.level.is_first;
        self.level.separate();
        // A private serializer of serde_json checks and formats keys. It is reachable only through
        // a map, whose opening brace is removed again.
        let encoder = &mut self.level.encoder;
        let start = encoder.text.len();
        let outcome = encoder.leaf().serialize_map(None).and_then(|mut map| map.serialize_key(key));
        match outcome {
            Ok(()) => {
                encoder.text.remove(start);
                self.note_key(start, is_first);
                Ok(())
            }
            Err(error) => {
                encoder.text.truncate(start);
                Err(error)
            }
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        self.level.encoder.text.push(b':');
        value.serialize(&mut *self.level.encoder)
    }

    fn end(self) -> Outcome {
        let Self { level, start, is_sorted, .. } = self;
        level.encoder.verbatim = false;
        level.encoder.close(level.closing);
        if !is_sorted {
            let has_verbatim = level.encoder.has_verbatim;
            Self::sort(start, &mut level.encoder.text, has_verbatim);
        }
        Ok(())
    }
}
