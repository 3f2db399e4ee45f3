//! Rows on their way to the server: arrays of a table's row type, in PostgreSQL's binary form.
//!
//! One array of rows is one parameter, so that a batch of any size is a call with the same few.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use fluvius_core::chrono::{DateTime, Utc};
use fluvius_core::uuid::Uuid;
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, to_sql_checked};

/// PostgreSQL counts times from the year 2000.
const MICROS_TO_2000: i64 = 946_684_800_000_000;

/// What the server has as the row type of a table, and the types of its columns.
#[derive(Debug, Clone)]
pub(crate) struct RowType {
    element: u32,
    columns: Vec<u32>,
}

impl RowType {
    /// The rows of an array type; `None` where it is no array of rows.
    pub(crate) fn of(array: &Type) -> Option<Self> {
        let Kind::Array(element) = array.kind() else { return None };
        let Kind::Composite(fields) = element.kind() else { return None };
        let columns = fields.iter().map(|field| field.type_().oid()).collect();
        Some(Self { element: element.oid(), columns })
    }
}

/// An array of rows in the making: column by column, row by row.
#[derive(Debug)]
pub(crate) struct Records<'t> {
    of: &'t RowType,
    bytes: BytesMut,
    column: usize,
    count: usize,
}

impl<'t> Records<'t> {
    pub(crate) fn new(of: &'t RowType) -> Self {
        Self { of, bytes: BytesMut::new(), column: 0, count: 0 }
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// One more row, whose columns are put by `fill`, all of them.
    pub(crate) fn row(&mut self, fill: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.put_i32(0);
        self.bytes.put_i32(length(self.of.columns.len()));
        (self.column, self.count) = (0, self.count + 1);
        fill(self);
        let end = length(self.bytes.len() - start - 4);
        self.bytes[start..start + 4].copy_from_slice(&end.to_be_bytes());
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.begin();
        self.bytes.put_i32(length(value.len()));
        self.bytes.put_slice(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(crate) fn optional_text(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    pub(crate) fn uuid(&mut self, value: Uuid) {
        self.bytes(value.as_bytes());
    }

    pub(crate) fn optional_uuid(&mut self, value: Option<Uuid>) {
        match value {
            Some(value) => self.uuid(value),
            None => self.null(),
        }
    }

    pub(crate) fn number(&mut self, value: i64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn time(&mut self, value: DateTime<Utc>) {
        self.number(value.timestamp_micros().saturating_sub(MICROS_TO_2000));
    }

    pub(crate) fn optional_time(&mut self, value: Option<DateTime<Utc>>) {
        match value {
            Some(value) => self.time(value),
            None => self.null(),
        }
    }

    fn null(&mut self) {
        self.begin();
        self.bytes.put_i32(-1);
    }

    /// The type of the next column; the server refuses a row with too few or too many of them.
    fn begin(&mut self) {
        self.bytes.put_u32(self.of.columns.get(self.column).copied().unwrap_or(0));
        self.column += 1;
    }
}

impl ToSql for Records<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let dimensions = i32::from(self.count > 0);
        out.put_i32(dimensions);
        out.put_i32(0);
        out.put_u32(self.of.element);
        if self.count > 0 {
            out.put_i32(length(self.count));
            out.put_i32(1);
            out.put_slice(&self.bytes);
        }
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        matches!(of.kind(), Kind::Array(_))
    }

    to_sql_checked!();
}

/// A length on the wire. A longer text is refused before it is sent: see `BYTES_MAX` of the draft.
fn length(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
