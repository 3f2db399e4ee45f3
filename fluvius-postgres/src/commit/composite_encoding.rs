//! Rows in PostgreSQL's binary form for composite types, alone and in arrays.
//!
//! An array of rows is one parameter, so a batch of any size is a call with the same number of
//! parameters.

use std::error::Error;
use std::fmt;

use bytes::{BufMut, BytesMut};
use fluvius_store::chrono::{DateTime, Utc};
use fluvius_store::uuid::Uuid;
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, to_sql_checked};

/// PostgreSQL counts times from the year 2000.
const MICROS_TO_2000: i64 = 946_684_800_000_000;

/// The usual size of a row, at most.
const ROW_BYTES: usize = 512;

/// The row type of a table, and the types of its columns.
#[derive(Debug, Clone)]
pub(crate) struct RowType {
    element: u32,
    columns: Vec<u32>,
}

impl RowType {
    /// Returns the row type of an array of rows of this table.
    pub(crate) fn of_table(array: &Type, table: &str) -> Option<Self> {
        let Kind::Array(element) = array.kind() else { return None };
        let Kind::Composite(fields) = element.kind() else { return None };
        let columns = fields.iter().map(|field| field.type_().oid()).collect();
        (element.name() == table).then(|| Self { element: element.oid(), columns })
    }
}

/// Writes the columns of one row, in their order.
pub(crate) struct RowWriter<'w> {
    bytes: &'w mut BytesMut,
    /// The types of the columns that are not written yet.
    columns: std::slice::Iter<'w, u32>,
}

impl<'w> RowWriter<'w> {
    /// Begins a row. The caller writes all of its columns.
    fn begin(row_type: &'w RowType, bytes: &'w mut BytesMut) -> Self {
        bytes.put_i32(length(row_type.columns.len()));
        Self { bytes, columns: row_type.columns.iter() }
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.put_type();
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
        self.put_type();
        self.bytes.put_i32(-1);
    }

    /// Writes the type of the next column. The server rejects a row with too few or too many
    /// columns.
    fn put_type(&mut self) {
        self.bytes.put_u32(self.columns.next().copied().unwrap_or(0));
    }
}

/// One row as a parameter. Its `Debug` text, which the client logs, has no value.
pub(crate) struct SingleRow {
    bytes: BytesMut,
}

impl SingleRow {
    /// Returns a row. `fill` writes all of its columns, in their order.
    pub(crate) fn new(row_type: &RowType, fill: impl FnOnce(&mut RowWriter<'_>)) -> Self {
        let mut bytes = BytesMut::with_capacity(ROW_BYTES);
        fill(&mut RowWriter::begin(row_type, &mut bytes));
        Self { bytes }
    }

    /// The number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl fmt::Debug for SingleRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row: {} bytes", self.bytes.len())
    }
}

impl ToSql for SingleRow {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(&self.bytes);
        Ok(IsNull::No)
    }

    fn accepts(of: &Type) -> bool {
        matches!(of.kind(), Kind::Composite(_))
    }

    to_sql_checked!();
}

/// An array of rows, which is written row by row and column by column.
#[derive(Debug)]
pub(crate) struct RowArray<'t> {
    row_type: &'t RowType,
    bytes: BytesMut,
    count: usize,
}

impl<'t> RowArray<'t> {
    pub(crate) fn new(row_type: &'t RowType) -> Self {
        Self { row_type, bytes: BytesMut::new(), count: 0 }
    }

    /// The number of bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a row. `fill` writes all of its columns, in their order.
    pub(crate) fn row(&mut self, fill: impl FnOnce(&mut RowWriter<'_>)) {
        if self.bytes.is_empty() {
            // Most arrays have one row, which the first allocation then holds.
            self.bytes.reserve(ROW_BYTES);
        }
        let start = self.bytes.len();
        self.bytes.put_i32(0);
        self.count += 1;
        fill(&mut RowWriter::begin(self.row_type, &mut self.bytes));
        let end = length(self.bytes.len() - start - 4);
        self.bytes[start..start + 4].copy_from_slice(&end.to_be_bytes());
    }
}

impl ToSql for RowArray<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let dimensions = i32::from(self.count > 0);
        out.put_i32(dimensions);
        out.put_i32(0);
        out.put_u32(self.row_type.element);
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

/// A length on the wire. Longer values are rejected before they are sent: see `MAX_UNIT_BYTES`.
fn length(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}
