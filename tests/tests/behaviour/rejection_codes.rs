//! The codes of error types, as data: [`Rejection::CODES`], and the list of an action.

#![allow(dead_code, reason = "some variants exist only for their codes")]

use std::convert::Infallible;

use fluvius_core::{
    CodeInfo, Command, ContextError, Domain, Rejection, RejectionCode, RejectionCodes,
    SimpleRejection, aggregate,
};
use serde::{Deserialize, Serialize};

/// Reasons to reject a reservation.
#[derive(Debug, thiserror::Error, Rejection)]
enum SeatError {
    /// The seat belongs to another guest.
    #[error("the seat is taken")]
    SeatTaken,
    #[error("row {row} does not exist, there are {}", rows)]
    #[rejection(code = "no-such-row", status = 422)]
    Row { row: u32, rows: u32 },
}

/// An error type that contains others, and itself.
#[derive(Debug, thiserror::Error, Rejection)]
enum BookingError {
    #[error("the show is sold out")]
    #[rejection(status = 410)]
    SoldOut,
    #[error(transparent)]
    #[rejection(transparent)]
    Seat(#[from] Box<SeatError>),
    #[error(transparent)]
    #[rejection(transparent)]
    Nested(Box<BookingError>),
}

/// Every status that the derive accepts.
#[derive(Debug, thiserror::Error, Rejection)]
#[error("no")]
enum StatusError {
    #[rejection(status = 400)]
    Unclear,
    #[rejection(status = 402)]
    Unpaid,
    #[rejection(status = 403)]
    Forbidden,
    #[rejection(status = 409)]
    Contradictory,
    #[rejection(status = 410)]
    Gone,
    #[rejection(status = 422)]
    Unfit,
    #[rejection(status = 423)]
    Locked,
    #[rejection(status = 451)]
    Illegal,
}

#[derive(Debug, thiserror::Error, Rejection)]
enum OpenError {
    #[error("closed")]
    Closed,
    #[error(transparent)]
    #[rejection(transparent)]
    Other(SimpleRejection),
}

/// A generic error type: its list depends on the parameter.
#[derive(Debug, thiserror::Error, Rejection)]
#[error(transparent)]
#[rejection(transparent)]
struct Wrapped<E: Rejection>(E);

fn codes<E: Rejection>() -> Vec<(&'static str, u16)> {
    let codes = RejectionCodes::from_type::<E>();
    assert!(!codes.open);
    codes.codes.iter().map(|code| (code.code, code.status)).collect()
}

#[test]
fn derive_lists_code_message_status_and_docs_of_each_variant() {
    let codes = RejectionCodes::from_type::<SeatError>();
    assert_eq!(
        codes.codes,
        [
            RejectionCode::new("seat-taken", "the seat is taken")
                .with_docs("The seat belongs to another guest."),
            RejectionCode::new("no-such-row", "row {row} does not exist, there are {}")
                .with_status(422),
        ]
    );
    assert!(!codes.open && !codes.invoked);
    let listed: Vec<&str> = codes.codes.iter().map(|code| code.code).collect();
    let row = SeatError::Row { row: 9, rows: 4 };
    assert_eq!(listed, [SeatError::SeatTaken.code(), row.code()]);
}

#[test]
fn transparent_variants_join_the_codes_of_their_errors() {
    let expected = [("sold-out", 410), ("seat-taken", 409), ("no-such-row", 422)];
    assert_eq!(codes::<BookingError>(), expected);
    assert_eq!(codes::<Wrapped<BookingError>>(), expected);
    assert_eq!(codes::<Infallible>(), []);
}

#[test]
fn error_type_without_a_list_makes_the_list_open() {
    assert!(SimpleRejection::CODES.is_none());
    assert!(RejectionCodes::from_type::<SimpleRejection>().open);
    let codes = RejectionCodes::from_type::<OpenError>();
    assert_eq!(codes.codes.len(), 1);
    assert!(codes.open);
}

#[test]
fn context_error_lists_its_codes_and_refers_to_invoked_actions() {
    let codes = RejectionCodes::from_type::<ContextError>();
    let listed: Vec<&str> = codes.codes.iter().map(|code| code.code).collect();
    let expected = ["not-found", "already-exists", "precondition-failed", "resource-not-allowed"];
    assert_eq!(listed, expected);
    assert!(codes.invoked && !codes.open);
}

#[test]
fn status_of_a_rejection_must_be_one_of_eight() {
    let derived: Vec<u16> = codes::<StatusError>().iter().map(|code| code.1).collect();
    assert_eq!(derived, [400, 402, 403, 409, 410, 422, 423, 451]);
    assert_eq!(derived, RejectionCode::STATUSES);
    let unclear = StatusError::Unclear;
    assert_eq!((unclear.code(), unclear.to_string().as_str()), ("unclear", "no"));
    for status in [0, 200, 401, 404, 412, 428, 429, 500] {
        let set = || RejectionCode::new("a", "b").with_status(status);
        assert!(std::panic::catch_unwind(set).is_err(), "{status}");
    }
}

type Booked<T> = Result<T, BookingError>;

/// A show.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Show {
    seats: u32,
}

#[aggregate(resource = "show")]
impl Show {
    /// Plan a show.
    #[action(evt_key = "show-planned")]
    fn plan_show(seats: u32) -> Result<Self, SimpleRejection> {
        Ok(Self { seats })
    }

    /// Book seats, with the error type behind an alias.
    #[action(evt_key = "seats-booked")]
    fn book_seats(&mut self, count: u32) -> Booked<()> {
        self.seats = self.seats.checked_sub(count).ok_or(BookingError::SoldOut)?;
        Ok(())
    }

    /// Count the seats.
    #[action]
    fn count_seats(&self) -> Result<u32, Infallible> {
        Ok(self.seats)
    }
}

/// Domain of shows.
#[derive(Domain)]
#[domain(aggregates(Show))]
struct ShowsDomain;

#[test]
fn descriptor_has_the_codes_of_the_error_type() {
    let resolved = |codes: Option<&'static [CodeInfo]>| RejectionCodes::from_entries(codes);
    assert!(resolved(PlanShow::ACTION.codes).open);
    let expected = RejectionCodes::from_type::<BookingError>();
    assert_eq!(resolved(BookSeats::ACTION.codes), expected);
    assert_eq!(resolved(CountSeats::ACTION.codes), RejectionCodes::default());
}
