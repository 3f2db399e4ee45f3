//! The difference of two JSON texts as a JSON Patch (RFC 6902).
//!
//! The comparison works on the texts and builds no trees. It skips what both texts share, and
//! copies values into the patch verbatim. So a number reads the same from the patch as from the new
//! text. `json_patch::diff` does not guarantee this. It also compares arrays index by index, so an
//! insertion at the front replaces every element.

use std::cell::Cell;
use std::fmt::Write as _;

mod myers;
mod single_field;

use super::escape::push_string;
use super::text::Json;
use super::tokenizer::{Kind, elements, kind, members, sorted_members, unescape};
use myers::{Gap, gaps};
use single_field::{alike_from_start, changed_alone};

/// Returns the operations that convert `old` to `new`, as a JSON array.
///
/// # Shape
/// The operations are `add`, `remove` and `replace`. A value is replaced if that is shorter than
/// its differences. So no patch, not even an intermediate one, is longer than one operation that
/// replaces the top-level value.
pub(super) fn patch(old: &str, new: &str) -> Json {
    let mut differ = DIFFER.take();
    differ.patch.push('[');
    differ.value(old.trim_ascii(), new.trim_ascii());
    differ.patch.push(']');
    let patch = Json::from_trusted(differ.patch.as_str());
    if differ.patch.capacity() <= MAX_BUFFER_LENGTH {
        differ.patch.clear();
        DIFFER.set(differ);
    }
    patch
}

/// Maximum capacity, in bytes, of the buffer that a thread keeps.
const MAX_BUFFER_LENGTH: usize = 64 * 1024;

thread_local! {
    /// The buffer in which a patch is written before it is copied to its final allocation.
    static DIFFER: Cell<Differ> = const { Cell::new(Differ::new()) };
}

#[derive(Default)]
struct Differ {
    patch: String,
    /// The location of the compared values: a JSON Pointer (RFC 6901), not yet escaped for JSON.
    pointer: String,
    /// The length above which replacing one of the compared values is shorter.
    length_max: usize,
    /// Set if an operation did not fit: the operations of that value are discarded.
    is_over: bool,
}

impl Differ {
    const fn new() -> Self {
        Self {
            patch: String::new(),
            pointer: String::new(),
            length_max: usize::MAX,
            is_over: false,
        }
    }

    fn value(&mut self, old: &str, new: &str) {
        if old == new {
            return;
        }
        let start = self.patch.len();
        let replaced = r#","#.len() + operation_length("replace", &self.pointer, Some(new));
        let outer_max = self.length_max;
        self.length_max = outer_max.min(start.saturating_add(replaced));
        match (kind(old), kind(new)) {
            (Kind::Object, Kind::Object) => self.object(old, new),
            (Kind::Array, Kind::Array) => self.array(old, new),
            (Kind::Scalar, Kind::Scalar) if is_same_scalar(old, new) => {}
            _ => self.is_over = true,
        }
        self.length_max = outer_max;
        if std::mem::take(&mut self.is_over) || self.patch.len() - start > replaced {
            self.patch.truncate(start);
            self.operation("replace", Some(new));
        }
    }

    fn object(&mut self, old: &str, new: &str) {
        if let Some((key, before, after)) = changed_alone(old, new) {
            return self.at_key(&unescape(key), |differ| differ.value(before, after));
        }
        if let Some(changed) = changed_in_place(old, new) {
            for (key, before, after) in changed {
                self.at_key(&unescape(key), |differ| differ.value(before, after));
            }
            return;
        }
        let mut old_members = sorted_members(old).into_iter().peekable();
        for (key, value) in sorted_members(new) {
            if self.is_over {
                return;
            }
            while let Some((gone, _)) = old_members.next_if(|(old_key, _)| *old_key < key) {
                self.at_key(&gone, |differ| differ.operation("remove", None));
            }
            let before = old_members.next_if(|(old_key, _)| *old_key == key);
            self.at_key(&key, |differ| match before {
                Some((_, before)) => differ.value(before, value),
                None => differ.operation("add", Some(value)),
            });
        }
        for (gone, _) in old_members {
            self.at_key(&gone, |differ| differ.operation("remove", None));
        }
    }

    fn array(&mut self, old: &str, new: &str) {
        let old: Vec<_> = elements(old).collect();
        let new: Vec<_> = elements(new).collect();
        for gap in gaps(&old, &new) {
            if self.is_over {
                return;
            }
            self.gap(&gap, &old, &new);
        }
    }

    /// Changes the elements of one gap. Everything before it already equals `new`, so indexes refer
    /// to `new`.
    fn gap(&mut self, gap: &Gap, old: &[&str], new: &[&str]) {
        let (gone, come) = (&old[gap.old.clone()], &new[gap.new.clone()]);
        let mut at = gap.new.start;
        for (gone, come) in gone.iter().zip(come) {
            if self.is_over {
                return;
            }
            self.at_index(at, |differ| differ.value(gone, come));
            at += 1;
        }
        for _ in come.len()..gone.len() {
            if self.is_over {
                return;
            }
            self.at_index(at, |differ| differ.operation("remove", None));
        }
        for come in come.iter().skip(gone.len()) {
            if self.is_over {
                return;
            }
            self.at_index(at, |differ| differ.operation("add", Some(come)));
            at += 1;
        }
    }

    fn at_key(&mut self, key: &str, act: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        let mut rest = key;
        while let Some(at) = rest.find(['~', '/']) {
            let (plain, escaped) = rest.split_at(at);
            self.pointer.push_str(plain);
            self.pointer.push_str(if escaped.starts_with('~') { "~0" } else { "~1" });
            rest = &escaped[1..];
        }
        self.pointer.push_str(rest);
        act(self);
        self.pointer.truncate(length);
    }

    fn at_index(&mut self, index: usize, act: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        let _ = write!(self.pointer, "/{index}");
        act(self);
        self.pointer.truncate(length);
    }

    fn operation(&mut self, name: &str, value: Option<&str>) {
        let length = operation_length(name, &self.pointer, value);
        // The first operation always fits: at least a replacement of the top-level value is
        // written.
        if self.patch.len() > 1 && self.patch.len() + length > self.length_max {
            self.is_over = true;
            return;
        }
        self.patch.reserve(length + 2);
        if self.patch.len() > 1 {
            self.patch.push(',');
        }
        self.patch.push_str(r#"{"op":""#);
        self.patch.push_str(name);
        self.patch.push_str(r#"","path":"#);
        push_string(&mut self.patch, &self.pointer);
        if let Some(value) = value {
            self.patch.push_str(r#","value":"#);
            self.patch.push_str(value);
        }
        self.patch.push('}');
    }
}

/// Returns the members that differ between two objects with the same keys in the same order, such
/// as two values of one struct: key, old value, new value. Returns `None` if only the general
/// comparison can decide.
fn changed_in_place<'a>(old: &'a str, new: &'a str) -> Option<Vec<(&'a str, &'a str, &'a str)>> {
    /// With more changed members, searching for each key again costs more than sorting.
    const MAX_CHANGED: usize = 8;
    let (mut old_members, mut new_members) = (members(old), members(new));
    let mut changed = Vec::new();
    // The ends of the last member read in each text. The next `alike` bytes are equal, and so are
    // the members within them.
    let (mut old_start, mut new_start) = (old_members.at(), new_members.at());
    let mut alike = alike_length(old, old_start, new, new_start);
    loop {
        if (old_start + alike, new_start + alike) == (old.len(), new.len()) {
            break;
        }
        let before = new_members.at();
        let next = new_members.next();
        // Strictly less: a number may continue after the last equal byte.
        if next.is_some() && new_members.at() < new_start + alike {
            continue;
        }
        old_members.go_to(before - new_start + old_start);
        let ((key, value), (old_key, old_value)) = match (next, old_members.next()) {
            (Some(next), Some(old)) => (next, old),
            (None, None) => break,
            _ => return None,
        };
        if key != old_key || changed.len() == MAX_CHANGED {
            return None;
        }
        if value != old_value {
            changed.push((key, old_value, value));
        }
        (old_start, new_start) = (old_members.at(), new_members.at());
        alike = alike_length(old, old_start, new, new_start);
    }
    // A key with an escape may equal another key.
    let is_plain = !new.contains('\\') || !members(new).any(|(key, _)| key.contains('\\'));
    // A string value that equals the key makes it look repeated; the general comparison decides
    // then.
    let is_once = |key: &str| {
        let start = key.as_ptr().addr() - new.as_ptr().addr();
        !new[..start].contains(key) && !new[start + key.len()..].contains(key)
    };
    (is_plain && changed.iter().all(|(key, ..)| is_once(key))).then_some(changed)
}

/// Returns the number of equal bytes from the given offsets on.
fn alike_length(old: &str, old_start: usize, new: &str, new_start: usize) -> usize {
    let old = old.as_bytes().get(old_start..).unwrap_or_default();
    alike_from_start(old, new.as_bytes().get(new_start..).unwrap_or_default())
}

/// Returns the length of an operation, without the escapes in its pointer.
fn operation_length(name: &str, pointer: &str, value: Option<&str>) -> usize {
    let value = value.map_or(0, |value| r#","value":"#.len() + value.len());
    r#"{"op":"","path":""}"#.len() + name.len() + pointer.len() + value
}

/// Returns true if two scalars with different spellings are the same value: `10.50` and `10.5`,
/// `"\u0041"` and `"A"`.
fn is_same_scalar(old: &str, new: &str) -> bool {
    match (old.as_bytes().first(), new.as_bytes().first()) {
        (Some(b'"'), Some(b'"')) => {
            (old.contains('\\') || new.contains('\\')) && unescape(old) == unescape(new)
        }
        // Compares like `Value`, since the fold produces those. But -0.0, which equals 0.0, is
        // distinguished.
        (Some(b'-' | b'0'..=b'9'), Some(b'-' | b'0'..=b'9')) => {
            let read = |text| serde_json::from_str::<serde_json::Number>(text).ok();
            old.starts_with('-') == new.starts_with('-')
                && read(old).is_some_and(|old| Some(old) == read(new))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
