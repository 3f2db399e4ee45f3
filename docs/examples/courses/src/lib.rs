// ANCHOR: state
//! Courses that people can book.

use serde::{Deserialize, Serialize};

/// A course that people can book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// Title of the course.
    pub title: String,
    /// Number of seats.
    pub seats: usize,
    /// Names of the people who have a seat.
    pub participants: Vec<String>,
}
// ANCHOR_END: state

// ANCHOR: rejections
use fluvius::Rejection;

/// Reasons to reject a command on a course.
#[derive(Debug, PartialEq, thiserror::Error, Rejection)]
pub enum CourseError {
    /// The course would have no seats.
    #[error("a course has at least one seat")]
    NoSeats,
    /// Every seat is taken.
    #[error("the course is fully booked")]
    FullyBooked,
    /// The person has a seat already.
    #[error("{0} has a seat already")]
    AlreadyBooked(String),
    /// The person has no seat to give back.
    #[error("{0} has no seat")]
    NotBooked(String),
}
// ANCHOR_END: rejections

// ANCHOR: actions
use std::convert::Infallible;

use fluvius::aggregate;

#[aggregate(resource = "course")]
impl Course {
    /// Announce a new course.
    #[action(evt_key = "course-announced")]
    pub fn announce_course(
        /// Title of the course.
        title: String,
        /// Number of seats.
        seats: usize,
    ) -> Result<Self, CourseError> {
        if seats == 0 {
            return Err(CourseError::NoSeats);
        }
        Ok(Self { title, seats, participants: Vec::new() })
    }

    /// Book a seat.
    #[action(evt_key = "seat-booked")]
    pub fn book_seat(
        &mut self,
        /// Name of the person who takes the seat.
        name: String,
    ) -> Result<(), CourseError> {
        if self.participants.contains(&name) {
            return Err(CourseError::AlreadyBooked(name));
        }
        if self.participants.len() >= self.seats {
            return Err(CourseError::FullyBooked);
        }
        self.participants.push(name);
        Ok(())
    }

    /// Give a seat back.
    #[action(evt_key = "seat-given-back")]
    pub fn give_back_seat(
        &mut self,
        /// Name of the person who has the seat.
        name: String,
    ) -> Result<(), CourseError> {
        match self.participants.iter().position(|booked| *booked == name) {
            Some(index) => {
                self.participants.remove(index);
                Ok(())
            }
            None => Err(CourseError::NotBooked(name)),
        }
    }

    /// Count the free seats.
    #[action]
    pub fn count_free_seats(&self) -> Result<usize, Infallible> {
        Ok(self.seats.saturating_sub(self.participants.len()))
    }

    /// Call the course off.
    #[action(evt_key = "course-called-off")]
    pub fn call_off_course(self) -> Result<(), Infallible> {
        Ok(())
    }
}
// ANCHOR_END: actions

// ANCHOR: domain
use fluvius::Domain;

/// Courses and their participants.
#[derive(Debug, Domain)]
#[domain(aggregates(Course))]
pub struct CoursesDomain;
// ANCHOR_END: domain

// ANCHOR: tests
#[cfg(test)]
mod tests {
    use fluvius::{DomainContext, MemoryStore, Versioned};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_full_course_rejects_a_booking() {
        let mut course = Course::announce_course("Bookbinding".into(), 1).unwrap();
        course.book_seat("Ada".into()).unwrap();

        let rejection = course.book_seat("Grace".into()).unwrap_err();
        assert_eq!(rejection, CourseError::FullyBooked);
        assert_eq!(rejection.code(), "fully-booked");
    }

    #[tokio::test]
    async fn a_rejected_booking_changes_nothing() {
        let domain = CoursesDomain::runtime(MemoryStore::new()).await.unwrap();
        let session = domain.session(DomainContext::create("test"));
        let id = Uuid::new_v4();

        session.send(id, AnnounceCourse { title: "Bookbinding".into(), seats: 1 }).await.unwrap();
        let booked = session.send(id, BookSeat { name: "Ada".into() }).await.unwrap();
        assert_eq!(booked.data.participants, ["Ada"]);
        assert_eq!(booked.version, 2);

        let error = session.send(id, BookSeat { name: "Grace".into() }).await.unwrap_err();
        assert_eq!(error.rejection(), Some(&CourseError::FullyBooked));
        let course = session.statemgr().fetch::<Course>(id).await.unwrap();
        assert_eq!(course.participants, ["Ada"]);
        assert_eq!(Versioned::version(&course), 2);

        let free = session.send(id, CountFreeSeats {}).await.unwrap();
        assert_eq!(free.data, 0);

        session.send(id, CallOffCourse {}).await.unwrap();
        let error = session.send(id, BookSeat { name: "Grace".into() }).await.unwrap_err();
        assert_eq!(error.code(), "not-found");
    }
}
// ANCHOR_END: tests
