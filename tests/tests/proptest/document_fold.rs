//! States of 20 kB with lists: the log reproduces every state, and small changes have small deltas.

use std::collections::BTreeMap;
use std::sync::Arc;

use fluvius_core::Store;
use fluvius_core::{
    Aggregate, Domain, DomainContext, EventRecord, MemoryStore, SimpleRejection, aggregate,
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{log_fold, property};

/// Bytes of a state that counts as large.
const LARGE: usize = 20_000;
/// Maximal bytes of a delta that changes one field of a large state.
const MAX_SMALL_CHANGE: usize = 2_000;
/// Maximum of versions between two snapshots in the log.
const WHOLE_EVERY: usize = 64;

/// A document with many lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Document {
    title: String,
    text: String,
    lines: Vec<Line>,
    marks: BTreeMap<String, i64>,
    note: Option<String>,
}

/// One line of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    label: String,
    amount: Decimal,
    count: u64,
    tags: Vec<String>,
}

#[aggregate(resource = "document")]
impl Document {
    /// Create a document.
    #[action(evt_key = "document-created")]
    pub(crate) fn create_document(
        title: String,
        text: String,
        lines: Vec<Line>,
    ) -> Result<Self, SimpleRejection> {
        Ok(Self { title, text, lines, marks: BTreeMap::new(), note: None })
    }

    /// Add a line at the end.
    #[action(evt_key = "line-pushed")]
    pub(crate) fn push_line(&mut self, line: Line) -> Result<(), SimpleRejection> {
        self.lines.push(line);
        Ok(())
    }

    /// Put a line before another, or at the end.
    #[action(evt_key = "line-inserted")]
    pub(crate) fn insert_line(&mut self, at: usize, line: Line) -> Result<(), SimpleRejection> {
        ensure(at <= self.lines.len())?;
        self.lines.insert(at, line);
        Ok(())
    }

    /// Remove a line.
    #[action(evt_key = "line-removed")]
    pub(crate) fn remove_line(&mut self, at: usize) -> Result<(), SimpleRejection> {
        ensure(at < self.lines.len())?;
        self.lines.remove(at);
        Ok(())
    }

    /// Move a line.
    #[action(evt_key = "line-moved")]
    pub(crate) fn move_line(&mut self, from: usize, to: usize) -> Result<(), SimpleRejection> {
        ensure(from < self.lines.len() && to < self.lines.len())?;
        let line = self.lines.remove(from);
        self.lines.insert(to, line);
        Ok(())
    }

    /// Set the count of a line.
    #[action(evt_key = "line-counted")]
    pub(crate) fn count_line(&mut self, at: usize, count: u64) -> Result<(), SimpleRejection> {
        let line = self.lines.get_mut(at).ok_or_else(no_such_line)?;
        line.count = count;
        Ok(())
    }

    /// Remove all lines.
    #[action(evt_key = "lines-cleared")]
    pub(crate) fn clear_lines(&mut self) -> Result<(), SimpleRejection> {
        self.lines.clear();
        Ok(())
    }

    /// Replace the text.
    #[action(evt_key = "text-written")]
    pub(crate) fn write_text(&mut self, text: String) -> Result<(), SimpleRejection> {
        self.text = text;
        Ok(())
    }

    /// Set a mark.
    #[action(evt_key = "mark-set")]
    pub(crate) fn set_mark(&mut self, name: String, value: i64) -> Result<(), SimpleRejection> {
        self.marks.insert(name, value);
        Ok(())
    }

    /// Remove a mark. An absent mark is no fault.
    #[action(evt_key = "mark-removed")]
    pub(crate) fn remove_mark(&mut self, name: String) -> Result<(), SimpleRejection> {
        self.marks.remove(&name);
        Ok(())
    }

    /// Write or remove a note.
    #[action(evt_key = "note-written")]
    pub(crate) fn write_note(&mut self, note: Option<String>) -> Result<(), SimpleRejection> {
        self.note = note;
        Ok(())
    }
}

fn ensure(holds: bool) -> Result<(), SimpleRejection> {
    if holds { Ok(()) } else { Err(no_such_line()) }
}

fn no_such_line() -> SimpleRejection {
    SimpleRejection::new("no-such-line", "there is no such line")
}

/// Domain for writing documents.
#[derive(Domain)]
#[domain(aggregates(Document))]
pub(crate) struct DocumentDomain;

#[test]
fn a_large_state_is_readable_at_every_version() {
    let strategy = (any_document(LARGE), prop::collection::vec(any_edit(), 70..140));
    property::check(
        "a_large_state_is_readable_at_every_version",
        8,
        strategy,
        |(create, edits)| {
            let run = property::block_on(Run::of(&create, &edits));
            assert!(run.first_length >= LARGE, "{} bytes", run.first_length);
            run.assert_log_gives_states();
            Ok(())
        },
    );
}

#[test]
fn every_fault_in_the_log_of_a_document_is_found() {
    let strategy = (any_document(600), prop::collection::vec(any_edit(), 80..100));
    property::check("every_fault_in_the_log_of_a_document", 1, strategy, |(create, edits)| {
        let run = property::block_on(Run::of(&create, &edits));
        let mutants =
            log_fold::assert_mutants_are_found::<Document>(&run.rows, &run.stored, action);
        assert!(mutants.found > 3 * run.rows.len(), "{mutants:?}");
        Ok(())
    });
}

#[test]
fn a_small_change_of_a_large_state_has_a_small_delta() {
    let line = Line {
        label: "a label of the usual length, with some words in it".to_owned(),
        amount: Decimal::new(1_999, 2),
        count: 1,
        tags: vec!["tag".to_owned(), "another tag".to_owned()],
    };
    let create = Edit::Create {
        title: "A document".to_owned(),
        text: "Some sentence that stands for many. ".repeat(200),
        lines: (0..120).map(|count| Line { count, ..line.clone() }).collect(),
    };
    let text = "Another sentence. ".to_owned();
    let small = [
        Edit::Push(line.clone()),
        Edit::Insert(0, line.clone()),
        Edit::Insert(60, line),
        Edit::Remove(0),
        Edit::Remove(60),
        Edit::Move(0, 119),
        Edit::Move(119, 0),
        Edit::Count(60, 7_000),
        Edit::Mark("a/b~c".to_owned(), 1),
        Edit::Mark("a/b~c".to_owned(), 2),
        Edit::Unmark("a/b~c".to_owned()),
        Edit::Note(Some(text.clone())),
        Edit::Note(None),
        Edit::Text(text),
        Edit::Clear,
    ];
    let run = property::block_on(Run::of(&create, &small));
    assert!(run.first_length >= LARGE, "{} bytes", run.first_length);
    assert_eq!(run.rows.len(), small.len() + 1);
    for row in &run.rows[1..] {
        let length = row.delta.to_json().len();
        assert!(length < MAX_SMALL_CHANGE, "{}: {length} bytes, {:?}", row.key(), row.delta);
        assert!(!row.delta.is_snapshot(), "{}", row.key());
    }
    run.assert_log_gives_states();
}

/// A command for a document. Positions count from the front, and may be a little past the end.
#[derive(Debug, Clone)]
enum Edit {
    Create { title: String, text: String, lines: Vec<Line> },
    Push(Line),
    Insert(usize, Line),
    Remove(usize),
    Move(usize, usize),
    Count(usize, u64),
    Clear,
    Text(String),
    Mark(String, i64),
    Unmark(String),
    Note(Option<String>),
}

impl Edit {
    /// Returns the same edit, at positions that the document has, or just past its end.
    fn within(&self, lines: usize) -> Self {
        let position = |at: usize| at % (lines + 2);
        match self.clone() {
            Self::Insert(at, line) => Self::Insert(position(at), line),
            Self::Remove(at) => Self::Remove(position(at)),
            Self::Move(from, to) => Self::Move(position(from), position(to)),
            Self::Count(at, count) => Self::Count(position(at), count),
            edit => edit,
        }
    }

    fn command(&self) -> (&'static str, Value) {
        match self {
            Self::Create { title, text, lines } => {
                ("create-document", json!({ "title": title, "text": text, "lines": lines }))
            }
            Self::Push(line) => ("push-line", json!({ "line": line })),
            Self::Insert(at, line) => ("insert-line", json!({ "at": at, "line": line })),
            Self::Remove(at) => ("remove-line", json!({ "at": at })),
            Self::Move(from, to) => ("move-line", json!({ "from": from, "to": to })),
            Self::Count(at, count) => ("count-line", json!({ "at": at, "count": count })),
            Self::Clear => ("clear-lines", json!({})),
            Self::Text(text) => ("write-text", json!({ "text": text })),
            Self::Mark(name, value) => ("set-mark", json!({ "name": name, "value": value })),
            Self::Unmark(name) => ("remove-mark", json!({ "name": name })),
            Self::Note(None) => ("write-note", json!({})),
            Self::Note(note) => ("write-note", json!({ "note": note })),
        }
    }

    /// Runs the method of the edit.
    fn run(&self, document: &mut Document) -> Result<(), SimpleRejection> {
        match self.clone() {
            Self::Create { title, text, lines } => {
                *document = Document::create_document(title, text, lines)?;
                Ok(())
            }
            Self::Push(line) => document.push_line(line),
            Self::Insert(at, line) => document.insert_line(at, line),
            Self::Remove(at) => document.remove_line(at),
            Self::Move(from, to) => document.move_line(from, to),
            Self::Count(at, count) => document.count_line(at, count),
            Self::Clear => document.clear_lines(),
            Self::Text(text) => document.write_text(text),
            Self::Mark(name, value) => document.set_mark(name, value),
            Self::Unmark(name) => document.remove_mark(name),
            Self::Note(note) => document.write_note(note),
        }
    }

    /// Returns true if the edit changes one field or one line.
    fn is_small(&self) -> bool {
        !matches!(self, Self::Create { .. } | Self::Text(_))
    }
}

/// Runs the method behind an event of a document.
fn action(before: Option<Document>, row: &EventRecord) -> Result<Document, String> {
    let empty = Document {
        title: String::new(),
        text: String::new(),
        lines: Vec::new(),
        marks: BTreeMap::new(),
        note: None,
    };
    let mut document = before.unwrap_or(empty);
    let edit = match DocumentEvent::try_from(row).unwrap() {
        DocumentEvent::DocumentCreated(event) => {
            Edit::Create { title: event.title, text: event.text, lines: event.lines }
        }
        DocumentEvent::LinePushed(event) => Edit::Push(event.line),
        DocumentEvent::LineInserted(event) => Edit::Insert(event.at, event.line),
        DocumentEvent::LineRemoved(event) => Edit::Remove(event.at),
        DocumentEvent::LineMoved(event) => Edit::Move(event.from, event.to),
        DocumentEvent::LineCounted(event) => Edit::Count(event.at, event.count),
        DocumentEvent::LinesCleared(_) => Edit::Clear,
        DocumentEvent::TextWritten(event) => Edit::Text(event.text),
        DocumentEvent::MarkSet(event) => Edit::Mark(event.name, event.value),
        DocumentEvent::MarkRemoved(event) => Edit::Unmark(event.name),
        DocumentEvent::NoteWritten(event) => Edit::Note(event.note),
    };
    edit.run(&mut document).map_err(|error| error.to_string())?;
    Ok(document)
}

/// Result of the edits of one document.
struct Run {
    first_length: usize,
    rows: Vec<EventRecord>,
    /// The stored state at every version, read from the store.
    stored: Vec<Value>,
    /// The states that the methods give.
    model: Vec<Value>,
    /// For each version, `true` if its edit was small.
    small: Vec<bool>,
}

impl Run {
    async fn of(create: &Edit, edits: &[Edit]) -> Self {
        let store = MemoryStore::new();
        let domain = DocumentDomain::runtime(store.clone()).await.unwrap();
        let aggregate_id = Document::aggregate_id(Uuid::from_u128(0xD0C));
        let session =
            domain.session(DomainContext::create("property")).aggregate(aggregate_id.clone());
        let mut model: Option<Document> = None;
        let mut run = Self {
            first_length: 0,
            rows: Vec::new(),
            stored: Vec::new(),
            model: Vec::new(),
            small: Vec::new(),
        };
        for edit in std::iter::once(create).chain(edits) {
            let edit = edit.within(model.as_ref().map_or(0, |document| document.lines.len()));
            let (key, payload) = edit.command();
            let command = session.create_command(key, payload).unwrap();
            let answer = session.process_command(command).await;
            let mut next = model.clone().unwrap_or_else(|| Document {
                title: String::new(),
                text: String::new(),
                lines: Vec::new(),
                marks: BTreeMap::new(),
                note: None,
            });
            match (answer, edit.run(&mut next)) {
                (Ok(response), Ok(())) => {
                    let record = Store::load(&store, &aggregate_id).await.unwrap().unwrap();
                    assert_eq!(record.version, response.version);
                    assert_eq!(record.data, response.data);
                    if run.stored.is_empty() {
                        run.first_length = record.data.len();
                    }
                    run.stored.push(record.data.to_value());
                    run.model.push(log_fold::value_of(&next));
                    run.small.push(edit.is_small());
                    model = Some(next);
                }
                (Err(error), Err(_)) => {
                    assert_eq!(error.code(), "no-such-line", "{error}");
                }
                (answer, expected) => panic!("{edit:?}: {answer:?}, by hand {expected:?}"),
            }
        }
        let log = domain.log().for_aggregate(aggregate_id).limit(usize::MAX);
        run.rows = log.events().await.unwrap().rows.into_iter().map(|row| row.record).collect();
        run
    }

    fn assert_log_gives_states(&self) {
        assert_eq!(log_fold::check::<Document>(&self.rows, &self.stored, action), Ok(()));
        assert_eq!(log_fold::replay::<Document>(&self.rows, action), self.stored);
        assert_eq!(self.model, self.stored);
        for (at, row) in self.rows.iter().enumerate() {
            if at % WHOLE_EVERY == 0 {
                assert!(row.delta.is_snapshot(), "version {} is a snapshot", at + 1);
            } else if self.small[at] {
                let length = row.delta.to_json().len();
                assert!(length < MAX_SMALL_CHANGE, "{}: {length} bytes", row.key());
            }
        }
    }
}

fn any_line() -> impl Strategy<Value = Line> {
    let label = prop_oneof!["[a-zA-Z ,.]{30,80}", "[\"\\\\/~{}\\[\\]:,é\u{1F600}\n]{10,40}"];
    let tags = prop::collection::vec("[a-z/~-]{0,8}", 0..4);
    (label, any::<i32>(), 0_u32..9, any::<u64>(), tags).prop_map(
        |(label, digits, scale, count, tags)| Line {
            label,
            amount: Decimal::new(digits.into(), scale),
            count,
            tags,
        },
    )
}

/// Generates a document whose state has at least this many bytes.
fn any_document(length: usize) -> impl Strategy<Value = Edit> {
    // Repeated lines are cheap to generate. Lists of equal lines are the harder case for a
    // patch as well.
    let lines = (prop::collection::vec(any_line(), 1..30), any::<u8>());
    ("\\PC{0,40}", "\\PC{20,60}", lines).prop_map(move |(title, sentence, (few, keep))| {
        let few: Arc<[Line]> = few.into();
        let mut lines: Vec<Line> = Vec::new();
        let mut bytes = 0;
        while bytes < length {
            let mut line = few[lines.len() % few.len()].clone();
            if keep % 3 != 0 {
                line.count = lines.len() as u64;
            }
            bytes += line.label.len() + 40;
            lines.push(line);
        }
        Edit::Create { title, text: sentence.repeat(length / 400), lines }
    })
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let mark = || prop::sample::select(vec!["", "a", "a/b", "~", "~1", "0", "-", "é\""]);
    prop_oneof![
        20 => any_line().prop_map(Edit::Push),
        20 => (prop_oneof![Just(0), any::<usize>()], any_line())
            .prop_map(|(at, line)| Edit::Insert(at, line)),
        20 => any::<usize>().prop_map(Edit::Remove),
        15 => any::<(usize, usize)>().prop_map(|(from, to)| Edit::Move(from, to)),
        30 => any::<(usize, u64)>().prop_map(|(at, count)| Edit::Count(at, count)),
        // Rarely, so that most documents stay large.
        1 => Just(Edit::Clear),
        10 => "\\PC{0,60}".prop_map(|text| Edit::Text(text.repeat(80))),
        15 => (mark(), any::<i64>()).prop_map(|(name, value)| Edit::Mark(name.to_owned(), value)),
        10 => mark().prop_map(|name| Edit::Unmark(name.to_owned())),
        10 => prop::option::of("\\PC{0,30}").prop_map(Edit::Note),
    ]
}
