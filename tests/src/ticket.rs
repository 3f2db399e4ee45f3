//! A domain that uses every option of the macros.

use std::convert::Infallible;

use fluvius_core::{ActionContext, AggregateId, Domain, Rejection, aggregate};
use serde::{Deserialize, Serialize};

use crate::fixture;

/// A ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    pub title: String,
    pub points: i64,
    pub tags: Vec<String>,
}

/// Reasons to reject a command on a ticket.
#[derive(Debug, thiserror::Error, Rejection)]
pub enum TicketError {
    #[error("the title is empty")]
    TitleEmpty,
    #[error("{found} points are too many")]
    #[rejection(code = "points-out-of-range")]
    TooManyPoints { found: i64 },
}

/// An estimate of the work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub points: i64,
    pub parts: Vec<Part>,
}

/// A part of an estimate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub label: String,
    pub weight: f64,
}

fn three() -> i64 {
    3
}

#[aggregate(resources = ["ticket", "incident"], revision = 3, upcast = none)]
impl Ticket {
    /// Open a ticket.
    ///
    /// A second paragraph.
    #[action(evt_key = "ticket-opened")]
    pub fn open_ticket(
        /// Subject of the ticket.
        title: String,
        #[arg(default = three())] points: i64,
        #[arg(default)] tags: Vec<String>,
    ) -> Result<Self, TicketError> {
        if title.is_empty() {
            return Err(TicketError::TitleEmpty);
        }
        Ok(Self { title, points, tags })
    }

    /// Change the title.
    #[action(evt_key = "ticket-renamed")]
    pub fn rename_ticket(
        &mut self,
        #[arg(rename = "newTitle", alias = "title", alias = "name")] title: String,
        note: Option<String>,
    ) -> Result<(), TicketError> {
        if title.is_empty() {
            return Err(TicketError::TitleEmpty);
        }
        self.title = note.map_or(title.clone(), |note| format!("{title} ({note})"));
        Ok(())
    }

    /// Add points, and return the sum.
    #[action(evt_key = "points-added")]
    pub fn add_points(&mut self, points: i64) -> Result<i64, TicketError> {
        self.points = self.points.saturating_add(points);
        if self.points > 100 {
            return Err(TicketError::TooManyPoints { found: self.points });
        }
        Ok(self.points)
    }

    /// Estimate the work.
    #[action(evt_key = "work-estimated", key = "estimate", command = "EstimateWork")]
    pub fn set_estimate(&mut self, estimate: Estimate) -> Result<Option<i64>, Infallible> {
        let before = self.points;
        self.points = estimate.points;
        Ok((before != self.points).then_some(before))
    }

    /// Record a look at the ticket.
    #[action(evt_key = "ticket-seen")]
    pub async fn see_ticket(&self, cx: &ActionContext) -> Result<(), Infallible> {
        tokio::task::yield_now().await;
        let _ = cx.now();
        Ok(())
    }

    /// Return the title.
    #[action]
    pub fn ask_title(&self, #[arg(default)] shout: bool) -> Result<String, Infallible> {
        Ok(if shout { self.title.to_uppercase() } else { self.title.clone() })
    }

    /// Reset the ticket.
    #[action(evt_key = "ticket-reset", if_match = "required")]
    pub fn reset_ticket(&mut self) -> Result<(), Infallible> {
        self.points = 0;
        Ok(())
    }

    /// Escalate the incident.
    #[action(evt_key = "incident-escalated", resources = "incident")]
    pub fn escalate_incident(&mut self) -> Result<(), Infallible> {
        self.tags.push("escalated".to_owned());
        Ok(())
    }

    /// Touch the ticket; for other actions only.
    #[action(evt_key = "ticket-touched", internal)]
    pub fn touch_ticket(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    /// Close the ticket, and return its title.
    #[action(evt_key = "ticket-closed")]
    pub fn close_ticket(self) -> Result<String, Infallible> {
        Ok(self.title)
    }
}

/// Domain for tickets.
#[derive(Domain)]
#[domain(aggregates(Ticket), revision = 7, namespace = "ticketing", tags("work", "help"))]
pub struct TicketDomain;

pub fn ticket(number: u128) -> AggregateId {
    AggregateId::new("ticket", fixture::id(number))
}

pub fn incident(number: u128) -> AggregateId {
    AggregateId::new("incident", fixture::id(number))
}
