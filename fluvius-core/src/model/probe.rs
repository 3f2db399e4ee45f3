//! Uses of the author's types that compile even if the types do not meet their bounds.
//!
//! If a type of the author lacks a trait, each generated impl would report a separate error.
//! Instead, one assertion at the author's token reports it, and all other code uses [`Probe`]. The
//! compiler selects an inherent item of `Probe<T>` if its bounds hold, else the item of [`StandIn`]
//! with the same name. A program that uses a stand-in does not compile, because the assertion
//! fails. So stand-ins never run.
//!
//! A `where` clause whose bounds hold for no type is an error, unless the bounds are higher-ranked.
//! Hence the `for<'f>` in the generated conditions.

use std::fmt::Debug;
use std::marker::PhantomData;

use serde::{Deserializer, Serialize, Serializer};

use crate::decode_error::DecodeError;
#[cfg(feature = "schema")]
use crate::model::SchemaFunction;
use crate::model::{
    ActionDescriptor, Aggregate, AggregateDescriptor, CodeInfo, Command, Event, EventDescriptor,
    Outcome, Rejection, Stop, action,
};
use fluvius_store::{CommandRecord, EventRecord};

/// The items of a concrete type, as far as its bounds hold.
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

impl<T: Clone> Probe<T> {
    /// Clones a field.
    pub fn cloned(field: &T) -> T {
        field.clone()
    }
}

impl<T: Debug> Probe<T> {
    /// Returns a field as a `Debug` trait object.
    pub fn shown(field: &T) -> &dyn Debug {
        field
    }
}

impl<E: Rejection> Probe<E> {
    /// See [`Rejection::CODES`].
    pub const CODES: Option<&'static [CodeInfo]> = E::CODES;
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> Probe<T> {
    /// The function that returns the JSON schema.
    pub const SCHEMA: Option<SchemaFunction> = Some(crate::model::subschema::<T>);
}

impl<T, E> Probe<Result<T, E>> {
    /// True for a `Result`.
    pub const IS_RESULT: bool = true;
}

impl<T: Serialize, E: Rejection> Probe<Result<T, E>> {
    /// See [`action::unchanged_with_data`].
    ///
    /// # Errors
    /// The rejection, or an error if no store can keep the data.
    pub fn unchanged_with_data(result: Result<T, E>) -> Result<Outcome, Stop> {
        action::unchanged_with_data(result)
    }

    /// See [`action::updated_with_data`].
    ///
    /// # Errors
    /// The rejection, or an error if no store can keep the data.
    pub fn updated_with_data<A: Aggregate>(
        state: A,
        result: Result<T, E>,
    ) -> Result<Outcome, Stop> {
        action::updated_with_data(state, result)
    }
}

impl<C: Command> Probe<C> {
    /// See [`Command::ACTION`].
    pub const ACTION: &'static ActionDescriptor = C::ACTION;

    /// Decodes a command from its row.
    pub fn command(record: &CommandRecord) -> Result<C, DecodeError> {
        crate::model::decode_command_record(record)
    }
}

impl<E: Event> Probe<E> {
    /// See [`Event::EVENT`].
    pub const EVENT: &'static EventDescriptor = E::EVENT;
    /// The event as listed in the descriptor of its action.
    pub const RECORDED: Option<&'static EventDescriptor> =
        Some(EventDescriptor::with_reader::<E>());

    /// Decodes an event from its row.
    pub fn event(record: &EventRecord) -> Result<E, DecodeError> {
        super::event::decode(record)
    }
}

impl<A: Aggregate> Probe<A> {
    /// See [`Aggregate::DESCRIPTOR`].
    pub const DESCRIPTOR: &'static AggregateDescriptor = A::DESCRIPTOR;
}

/// The items of a type that does not meet the bounds. They make its uses compile and are never
/// called.
pub trait StandIn<T> {
    /// See [`Probe::ACTION`].
    const ACTION: &'static ActionDescriptor = &ActionDescriptor::STAND_IN;
    /// See [`Probe::EVENT`].
    const EVENT: &'static EventDescriptor = &EventDescriptor::of("", "", "");
    /// See [`Probe::RECORDED`].
    const RECORDED: Option<&'static EventDescriptor> = None;
    /// See [`Probe::DESCRIPTOR`].
    const DESCRIPTOR: &'static AggregateDescriptor = &AggregateDescriptor::STAND_IN;
    /// See [`Probe::SCHEMA`].
    #[cfg(feature = "schema")]
    const SCHEMA: Option<SchemaFunction> = None;
    /// See [`Probe::CODES`].
    const CODES: Option<&'static [CodeInfo]> = None;
    /// Always named, so that the import of the trait is never unused.
    const USED: () = ();

    /// See [`Probe::IS_RESULT`].
    const IS_RESULT: bool = false;

    /// See [`Probe::unchanged_with_data`].
    ///
    /// # Errors
    /// None: never called.
    fn unchanged_with_data(_: T) -> Result<Outcome, Stop> {
        unreachable!()
    }

    /// See [`Probe::updated_with_data`].
    ///
    /// # Errors
    /// None: never called.
    fn updated_with_data<A>(_: A, _: T) -> Result<Outcome, Stop> {
        unreachable!()
    }

    /// See [`Probe::cloned`].
    fn cloned(_: &T) -> T {
        unreachable!()
    }

    /// See [`Probe::shown`].
    fn shown(_: &T) -> &dyn Debug {
        unreachable!()
    }

    /// See [`Probe::command`].
    fn command(_: &CommandRecord) -> Result<T, DecodeError> {
        unreachable!()
    }

    /// See [`Probe::event`].
    fn event(_: &EventRecord) -> Result<T, DecodeError> {
        unreachable!()
    }
}

impl<T> StandIn<T> for Probe<T> {}

/// The functions of serde's derives for a shape whose bounds do not hold.
pub trait UnfitShape {
    /// Always named, so that the import of the trait is never unused.
    const SHAPE_USED: () = ();

    /// Replaces the function that `#[derive(Serialize)]` generates.
    ///
    /// # Errors
    /// None: never called.
    fn serialize<T, S: Serializer>(_: &T, _: S) -> Result<S::Ok, S::Error> {
        unreachable!()
    }

    /// Replaces the function that `#[derive(Deserialize)]` generates.
    ///
    /// # Errors
    /// None: never called.
    fn deserialize<'de, T, D: Deserializer<'de>>(_: D) -> Result<T, D::Error> {
        unreachable!()
    }
}

impl<S> UnfitShape for S {}

/// Names an item of [`Probe`].
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_probe {
    ($type:ty, $item:ident) => {{
        use $crate::__private::StandIn as _;
        let () = $crate::__private::Probe::<$type>::USED;
        $crate::__private::Probe::<$type>::$item
    }};
}

/// Decodes a command or event variant of an enum from its row. The caller imports
/// [`StandIn`](crate::__private::StandIn).
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_read {
    ($kind:ident, $variant:ident, $record:ident) => {
        $crate::__private::Probe::<$variant>::$kind($record).map(Self::$variant)
    };
}

/// Generates the impls of `#[derive(Clone, Debug, Serialize, Deserialize)]` for a command or an
/// event. Unlike those of the derives, they compile for all types of the fields.
///
/// The brackets hold the struct's name as text, serde's `bound` and further options of serde. Each
/// field has an alias for its type, because the bound is text and text cannot express every type.
/// With `(serde)` the caller implements `Debug`.
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_fields {
    (
        $name:ident $options:tt
        { $($(#[$attribute:meta])* $field:ident: $alias:ident = $type:ty),* }
    ) => {
        $crate::__fluvius_fields! {
            (serde) $name $options { $($(#[$attribute])* $field: $alias = $type),* }
        }
        #[automatically_derived]
        impl $crate::__private::Debug for $name {
            fn fmt(
                &self,
                to: &mut $crate::__private::core::fmt::Formatter<'_>,
            ) -> $crate::__private::core::fmt::Result {
                use $crate::__private::StandIn as _;
                let () = $crate::__private::Probe::<()>::USED;
                $crate::__private::debug_fields(
                    to,
                    $crate::__private::core::stringify!($name),
                    &[$((
                        $crate::__private::core::stringify!($field),
                        $crate::__private::Probe::<$type>::shown(&self.$field),
                    )),*],
                )
            }
        }
    };
    (
        (serde) $name:ident [$text:tt $bound:tt $($option:tt)*]
        { $($(#[$attribute:meta])* $field:ident: $alias:ident = $type:ty),* }
    ) => {
        const _: () = {
            use $crate::__private::{StandIn as _, UnfitShape as _, serde as __fluvius_serde};
            $(type $alias = $type;)*
            #[derive($crate::__private::Serialize, $crate::__private::Deserialize)]
            #[serde(crate = "__fluvius_serde")]
            #[serde(remote = $text, rename = $text, bound = $bound, $($option)*)]
            struct __FluviusShape { $($(#[$attribute])* $field: $alias),* }
            #[automatically_derived]
            impl $crate::__private::Serialize for $name {
                #[inline]
                fn serialize<S: $crate::__private::serde::Serializer>(
                    &self,
                    to: S,
                ) -> $crate::__private::core::result::Result<S::Ok, S::Error> {
                    __FluviusShape::serialize(self, to)
                }
            }
            #[automatically_derived]
            impl<'de> $crate::__private::Deserialize<'de> for $name {
                #[inline]
                fn deserialize<D: $crate::__private::serde::Deserializer<'de>>(
                    from: D,
                ) -> $crate::__private::core::result::Result<Self, D::Error> {
                    __FluviusShape::deserialize(from)
                }
            }
            #[automatically_derived]
            impl $crate::__private::Sealed for $name {}
            #[automatically_derived]
            impl $crate::__private::Clone for $name {
                fn clone(&self) -> Self {
                    Self { $($field: $crate::__private::Probe::<$type>::cloned(&self.$field)),* }
                }
            }
            let () = $crate::__private::Probe::<()>::USED;
            __FluviusShape::SHAPE_USED
        };
    };
}

/// Defines the macro through which a block emits its own items and none of another block.
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_guard {
    ($block:ident) => {
        $crate::__fluvius_guard! { $block $ }
    };
    ($block:ident $dollar:tt) => {
        macro_rules! items {
            ($block $dollar($dollar items:tt)*) => { $dollar($dollar items)* };
            ($dollar($dollar other_block:tt)*) => {};
        }
        pub(super) use items;
    };
}

/// Generates an event of an aggregate type: its fields and its `impl Event`.
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_event {
    (
        [$($attributes:tt)*]
        $name:ident of $aggregate:ty, $key:expr, $docs:expr, $options:tt $fields:tt
    ) => {
        $($attributes)*
        const _: () = {
            $crate::__fluvius_fields! { $name $options $fields }
            #[automatically_derived]
            impl $crate::__private::Event for $name
            where
                for<'f> $aggregate: $crate::__private::AggregateState,
                for<'f> $name: $crate::__private::PayloadField,
            {
                type Aggregate = $aggregate;
                const EVENT: &'static $crate::__private::EventDescriptor =
                    &$crate::__private::EventDescriptor::of(
                        $key,
                        $crate::__private::core::stringify!($name),
                        $docs,
                    );
            }
        };
    };
}
