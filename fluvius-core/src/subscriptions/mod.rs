//! Subscriptions: named readers of the event log that store their progress.
//!
//! [`DomainRuntime::subscribe`](crate::DomainRuntime::subscribe) builds a subscription,
//! [`DomainRuntime::subscriptions`](crate::DomainRuntime::subscriptions) operates it.
//!
//! A subscription has work rows in the store: one for itself, one for each partition with its
//! checkpoint and its owner, one for each parked delivery. Each process has a row too, which it
//! renews every second while it owns a partition. A write of a partition needs the token of its
//! row, and changes it. So a process that has lost a partition cannot write its checkpoint.
//!
//! | module | contents |
//! |---|---|
//! | `rows` | the work rows |
//! | `selection` | the events that a subscription delivers |
//! | `item`, `hold`, `partition`, `trouble`, `checkpoint` | one partition: its deliveries, parked ones, its progress, its obstacles, its rows |
//! | `feed` | the reads of the log for all partitions of a subscription |
//! | `assignment` | the share of each process |
//! | `member` | a subscription in this process |
//! | `worker`, `serving`, `reading`, `work_view`, `ownership` | the task that serves the subscriptions of a runtime: its handle, its loop, its reads, the work rows at one moment, its writes |
//! | `subscribe`, `creation`, `connected`, `delivery` | the API of consumers |
//! | `operations`, `stored`, `status` | the API of operators |
//!
//! `partition`, `feed` and `assignment` have no I/O, no task and no clock.

mod assignment;
mod checkpoint;
mod connected;
mod creation;
mod delivery;
mod feed;
mod hold;
mod item;
mod member;
mod operations;
mod ownership;
mod partition;
mod reading;
mod rows;
mod selection;
mod serving;
mod status;
mod stored;
mod subscribe;
mod trouble;
mod work_view;
mod worker;

#[cfg(test)]
mod tests;

pub use connected::{Deliveries, Subscription};
pub use delivery::Delivery;
pub use operations::Subscriptions;
pub use status::{
    DeliveryTrouble, Health, ParkedDelivery, PartitionStatus, SubscriptionStatus, WorkStatus,
};
pub use subscribe::{OnPark, Start, Subscribe, Undecodable};

pub(crate) use worker::Worker;
