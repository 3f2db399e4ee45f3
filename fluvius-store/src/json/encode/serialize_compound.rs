//! The elements of an array and the fields of a struct that is being encoded.
//!
//! How one value is written is not known here; that is the [`Encoder`].

use serde::{Serialize, ser};

use super::{Encoder, Error, Outcome};

/// An array or object that is being written.
pub(super) struct Level<'a> {
    pub(super) encoder: &'a mut Encoder,
    pub(super) is_first: bool,
    /// What closes it, a byte a level; nothing for a text that is taken as it is.
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
                fn $method<T: Serialize + ?Sized>(&mut self, $($key: $key_type,)? value: &T) -> Outcome {
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
