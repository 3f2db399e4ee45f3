//! Encoding of arrays and of the fields of structs.
//!
//! The [`Encoder`] writes the values.

use serde::{Serialize, ser};

use super::{Encoder, Error, Outcome};

/// An array or object that is being encoded.
pub(super) struct Level<'a> {
    pub(super) encoder: &'a mut Encoder,
    pub(super) is_first: bool,
    /// The closing brackets, one byte per level; empty for verbatim text.
    pub(super) closing: &'static [u8],
}

impl Level<'_> {
    #[inline]
    pub(super) fn separate(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.encoder.text.push(b',');
        }
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Outcome {
        self.separate();
        value.serialize(&mut *self.encoder)
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Outcome {
        if !self.encoder.verbatim {
            self.separate();
            self.encoder.string(key)?;
            self.encoder.text.push(b':');
        }
        value.serialize(&mut *self.encoder)
    }

    #[inline]
    fn finish(self) -> Outcome {
        self.encoder.verbatim = false;
        self.encoder.close(self.closing);
        Ok(())
    }
}

macro_rules! levels {
    ($($trait:ident::$method:ident($($key:ident: $key_type:ty)?) by $by:ident)*) => {
        $(
            impl ser::$trait for Level<'_> {
                type Ok = ();
                type Error = Error;

                #[inline]
                fn $method<T: Serialize + ?Sized>(
                    &mut self,
                    $($key: $key_type,)?
                    value: &T,
                ) -> Outcome {
                    self.$by($($key,)? value)
                }

                #[inline]
                fn end(self) -> Outcome {
                    self.finish()
                }
            }
        )*
    };
}

levels! {
    SerializeSeq::serialize_element() by element
    SerializeTuple::serialize_element() by element
    SerializeTupleStruct::serialize_field() by element
    SerializeTupleVariant::serialize_field() by element
    SerializeStruct::serialize_field(key: &'static str) by field
    SerializeStructVariant::serialize_field(key: &'static str) by field
}
