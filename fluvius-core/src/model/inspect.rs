//! Comparison and printing of states for the test kit, as far as their types support them.

use std::fmt::Debug;
use std::marker::PhantomData;

use fluvius_store::{AggregateId, Json};

use crate::model::ActionDescriptor;
use crate::model::{Aggregate, AggregateDescriptor, SharedState};

/// Functions that compare and print values of a type, as far as the type supports them.
#[derive(Debug)]
pub struct Inspect<A> {
    /// The equality of two values, if the type is `PartialEq`.
    pub is_equal: Option<fn(&A, &A) -> bool>,
    /// The formatting of a value, if the type is `Debug`.
    pub debug: Option<fn(&A) -> String>,
}

impl<A> Inspect<A> {
    /// The functions of a type that supports neither.
    pub const NOTHING: Self = Self { is_equal: None, debug: None };
}

/// The functions of [`Inspect`] on erased states of one type.
#[derive(Debug, Clone, Copy)]
pub struct InspectErased {
    /// See [`Inspect::is_equal`].
    pub is_equal: Option<fn(&SharedState, &SharedState) -> bool>,
    /// See [`Inspect::debug`].
    pub debug: Option<fn(&SharedState) -> String>,
}

impl InspectErased {
    pub(crate) const NOTHING: Self = Self { is_equal: None, debug: None };

    pub(crate) const fn of<A: Aggregate>() -> Self {
        Self {
            is_equal: match A::INSPECT.is_equal {
                Some(_) => Some(is_equal::<A>),
                None => None,
            },
            debug: match A::INSPECT.debug {
                Some(_) => Some(debug::<A>),
                None => None,
            },
        }
    }
}

fn is_equal<A: Aggregate>(one: &SharedState, other: &SharedState) -> bool {
    match (A::INSPECT.is_equal, one.downcast_ref::<A>(), other.downcast_ref::<A>()) {
        (Some(is_equal), Some(one), Some(other)) => is_equal(one, other),
        _ => false,
    }
}

fn debug<A: Aggregate>(state: &SharedState) -> String {
    match (A::INSPECT.debug, state.downcast_ref::<A>()) {
        (Some(debug), Some(state)) => debug(state),
        _ => String::new(),
    }
}

/// A hook of the test kit: inspects the values that actions leave before they are stored.
pub trait Inspector: Debug + Send + Sync {
    /// Inspects the state that an action has left, and its JSON.
    fn state(
        &self,
        aggregate_id: &AggregateId,
        aggregate: &'static AggregateDescriptor,
        state: &SharedState,
        data: &Json,
    );

    /// Inspects the arguments of an applied command.
    fn args(&self, action: &'static ActionDescriptor, args: &Json);
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

/// The constants of a type that does not meet the bounds.
pub trait NotInspected<A> {
    /// See [`Inspect::is_equal`].
    const IS_EQUAL: Option<fn(&A, &A) -> bool> = None;
    /// See [`Inspect::debug`].
    const DEBUG: Option<fn(&A) -> String> = None;
    /// Always named, so that the import of the trait is never unused.
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
