//! Comparison and printing of states for the test kit, as far as their type supports them.

use std::fmt::Debug;
use std::marker::PhantomData;

/// Functions that compare and print values of a type, as far as it supports them.
#[derive(Debug)]
pub struct Inspect<A> {
    /// Returns whether two values are equal, if the type is `PartialEq`.
    pub is_equal: Option<fn(&A, &A) -> bool>,
    /// Formats a value, if the type is `Debug`.
    pub debug: Option<fn(&A) -> String>,
}

impl<A> Inspect<A> {
    /// The functions of a type that supports neither.
    pub const NOTHING: Self = Self { is_equal: None, debug: None };
}

/// The constants of a concrete type: those of the inherent impls if their bounds hold, else those
/// of [`NotInspected`].
#[derive(Debug)]
pub struct Inspected<A>(PhantomData<A>);

impl<A: PartialEq> Inspected<A> {
    /// See [`Inspect::is_equal`].
    pub const IS_EQUAL: Option<fn(&A, &A) -> bool> = Some(|one, other| one == other);
}

impl<A: Debug> Inspected<A> {
    /// See [`Inspect::debug`].
    pub const DEBUG: Option<fn(&A) -> String> = Some(|state| format!("{state:#?}"));
}

/// The constants of a type without the bounds.
pub trait NotInspected<A> {
    /// See [`Inspect::is_equal`].
    const IS_EQUAL: Option<fn(&A, &A) -> bool> = None;
    /// See [`Inspect::debug`].
    const DEBUG: Option<fn(&A) -> String> = None;
    /// Always named, so that the import of the trait is always used.
    const USED: () = ();
}

impl<A> NotInspected<A> for Inspected<A> {}

/// The [`Inspect`] of a concrete type.
#[doc(hidden)]
#[macro_export]
macro_rules! __fluvius_inspect {
    ($type:ty) => {{
        use $crate::__private::NotInspected as _;
        let () = $crate::__private::Inspected::<$type>::USED;
        $crate::__private::Inspect {
            is_equal: $crate::__private::Inspected::<$type>::IS_EQUAL,
            debug: $crate::__private::Inspected::<$type>::DEBUG,
        }
    }};
}
