//! Comparing and printing states whose type may or may not be able to: for the test kit.

use std::fmt::Debug;
use std::marker::PhantomData;

/// Comparing and printing values of a type, as far as it can.
#[derive(Debug)]
pub struct Inspect<A> {
    /// Tells whether they are equal, if the type is `PartialEq`.
    pub is_equal: Option<fn(&A, &A) -> bool>,
    /// Prints one, if the type is `Debug`.
    pub debug: Option<fn(&A) -> String>,
}

impl<A> Inspect<A> {
    /// Of a type that can do neither.
    pub const NOTHING: Self = Self { is_equal: None, debug: None };
}

/// The constants of a concrete type: those of the inherent impls where their bounds hold, else those of
/// [`NotInspected`].
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
    /// Named always, so that importing the trait is.
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
