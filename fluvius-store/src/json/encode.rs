//! Encoding of Rust values as [`Json`].
//!
//! Encoding fails on values that serde_json silently writes wrong: NaN and the infinities, which
//! become `null`, and integers that it cannot read back.

mod entries;
mod serialize_compound;

use std::cell::Cell;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};

use super::error::JsonError;
use super::escape::needs_escape;
use super::path::JsonPath;
use super::text::Json;
use super::validate::{DEPTH, grammar, storable_within};
use entries::Entries;
use serialize_compound::Level;

/// Maximum number of levels of arrays and objects in an encoded value. It is below the limit for
/// reading, which leaves room for a wrapper such as a patch.
const MAX_DEPTH: usize = 120;

/// Prefix of the struct names under which serde_json's `RawValue` (and, with `arbitrary_precision`,
/// its `Number`) passes verbatim text.
const VERBATIM: &str = "$serde_json::private::";

/// Encodes a value as compact JSON: struct fields in declaration order, map entries sorted by key.
///
/// So equal `HashMap`s give equal texts in every process. A `HashSet` is written as an array in
/// iteration order: use `BTreeSet` in a state or a response.
///
/// # Errors
/// Returns an error with the JSON path of
///
/// - a float that is not finite,
/// - an integer outside of `i64` and `u64`,
/// - U+0000 in a string or key,
/// - a map with a key that is neither a string nor written as one,
/// - more than 120 levels of arrays and objects,
/// - a key that begins with `$serde_json::private::`,
/// - an error of the value's own `Serialize` implementation.
///
/// # Examples
/// ```
/// use fluvius_store::json::encode;
///
/// assert_eq!(encode(&("10.50", [1, 2]))?.as_str(), r#"["10.50",[1,2]]"#);
/// assert_eq!(encode(&[0.5, f64::NAN]).unwrap_err().path(), "[1]");
/// # Ok::<(), fluvius_store::json::JsonError>(())
/// ```
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Json, JsonError> {
    // If `value` itself calls `encode`, the inner call starts a new buffer.
    let text = BUFFER.take();
    let mut encoder = Encoder { text, depth: 0, verbatim: false, has_verbatim: false };
    let outcome = value.serialize(&mut encoder);
    let encoded = encoder.finish(outcome);
    if encoder.text.capacity() <= MAX_BUFFER_LENGTH {
        encoder.text.clear();
        BUFFER.set(encoder.text);
    }
    encoded
}

/// Maximum capacity, in bytes, of the buffer that a thread keeps.
const MAX_BUFFER_LENGTH: usize = 64 * 1024;

thread_local! {
    /// The buffer in which a text is written before it is copied to its final allocation.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

type Error = serde_json::Error;
type Outcome = Result<(), Error>;

/// A serializer that writes the structure itself and leaves numbers, keys and escaped strings to
/// serde_json.
///
/// One type serves all levels, so that each `Serialize` is compiled only once for it.
struct Encoder {
    text: Vec<u8>,
    depth: usize,
    /// Set if the next string is JSON text to be written verbatim.
    verbatim: bool,
    /// Set if any text was written verbatim.
    has_verbatim: bool,
}

impl Encoder {
    fn finish(&self, outcome: Outcome) -> Result<Json, JsonError> {
        if let Err(error) = outcome {
            // The text ends where the error occurred.
            let path = JsonPath::of_prefix(&String::from_utf8_lossy(&self.text));
            return Err(JsonError::quoting(path, &error.to_string()));
        }
        let text = str::from_utf8(&self.text)
            .map_err(|_| JsonError::whole("what was written is not UTF-8"))?;
        if self.has_verbatim {
            grammar(text)?;
        }
        // Every other invalid text contains a backslash or a dollar sign: U+0000 is escaped, and
        // reserved keys begin with a dollar sign.
        let doubtful =
            text.bytes().fold(false, |found, byte| found | (byte == b'\\') | (byte == b'$'));
        if self.has_verbatim || doubtful {
            storable_within(text, MAX_DEPTH)?;
        }
        Ok(Json::from_trusted(text))
    }

    /// Returns serde_json's serializer for one string or number.
    #[inline]
    fn leaf(&mut self) -> serde_json::Serializer<&mut Vec<u8>> {
        serde_json::Serializer::new(&mut self.text)
    }

    #[inline]
    fn string(&mut self, value: &str) -> Outcome {
        if needs_escape(value) {
            return self.leaf().serialize_str(value);
        }
        self.text.reserve(value.len() + 2);
        self.text.push(b'"');
        self.text.extend_from_slice(value.as_bytes());
        self.text.push(b'"');
        Ok(())
    }

    fn float(&mut self, is_finite: bool) -> Outcome {
        if is_finite {
            Ok(())
        } else {
            Err(Error::custom("a float that is not finite is no JSON number"))
        }
    }

    #[inline]
    fn open(&mut self, opening: u8, closing: &'static [u8]) -> Result<Level<'_>, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::custom(DEPTH));
        }
        self.text.push(opening);
        Ok(Level { encoder: self, is_first: true, closing })
    }

    /// Writes `{"variant":`.
    fn open_variant(&mut self, variant: &'static str) -> Outcome {
        self.open(b'{', b"}")?;
        self.string(variant)?;
        self.text.push(b':');
        Ok(())
    }

    #[inline]
    fn close(&mut self, closing: &'static [u8]) {
        self.depth -= closing.len();
        self.text.extend_from_slice(closing);
    }
}

macro_rules! leaves {
    ($($method:ident($type:ty))*) => {
        $(
            #[inline]
            fn $method(self, value: $type) -> Outcome {
                self.leaf().$method(value)
            }
        )*
    };
}

impl<'a> Serializer for &'a mut Encoder {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Level<'a>;
    type SerializeTuple = Level<'a>;
    type SerializeTupleStruct = Level<'a>;
    type SerializeTupleVariant = Level<'a>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Level<'a>;
    type SerializeStructVariant = Level<'a>;

    leaves! {
        serialize_bool(bool)
        serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64)
        serialize_char(char) serialize_bytes(&[u8])
    }

    fn serialize_i128(self, value: i128) -> Outcome {
        if i64::try_from(value).is_err() && u64::try_from(value).is_err() {
            return Err(Error::custom(
                "an integer of more than 64 bits is not read back: write it as a string",
            ));
        }
        self.leaf().serialize_i128(value)
    }

    fn serialize_u128(self, value: u128) -> Outcome {
        if u64::try_from(value).is_err() {
            return Err(Error::custom(
                "an integer of more than 64 bits is not read back: write it as a string",
            ));
        }
        self.leaf().serialize_u128(value)
    }

    fn serialize_f32(self, value: f32) -> Outcome {
        self.float(value.is_finite())?;
        self.leaf().serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Outcome {
        self.float(value.is_finite())?;
        self.leaf().serialize_f64(value)
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Outcome {
        if self.verbatim {
            self.text.extend_from_slice(value.as_bytes());
            return Ok(());
        }
        self.string(value)
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Outcome {
        self.leaf().collect_str(value)
    }

    #[inline]
    fn serialize_none(self) -> Outcome {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Outcome {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Outcome {
        self.leaf().serialize_unit()
    }

    #[inline]
    fn serialize_unit_struct(self, _name: &'static str) -> Outcome {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Outcome {
        self.string(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Outcome {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Outcome {
        self.open_variant(variant)?;
        value.serialize(&mut *self)?;
        self.close(b"}");
        Ok(())
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Level<'a>, Error> {
        self.open(b'[', b"]")
    }

    fn serialize_tuple(self, _length: usize) -> Result<Level<'a>, Error> {
        self.open(b'[', b"]")
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Level<'a>, Error> {
        self.open(b'[', b"]")
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Level<'a>, Error> {
        self.open_variant(variant)?;
        self.open(b'[', b"]}")
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Entries<'a>, Error> {
        self.open(b'{', b"}").map(Entries::of)
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _length: usize) -> Result<Level<'a>, Error> {
        if name.starts_with(VERBATIM) {
            self.verbatim = true;
            self.has_verbatim = true;
            return Ok(Level { encoder: self, is_first: true, closing: b"" });
        }
        self.open(b'{', b"}")
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Level<'a>, Error> {
        self.open_variant(variant)?;
        self.open(b'{', b"}}")
    }
}

#[cfg(test)]
mod tests;
