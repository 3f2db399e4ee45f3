//! One row of the event log.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::json::{Json, StateDelta};
use crate::root::AggregateRoot;

/// What happened to a root. Never changed after it is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventRecord {
    /// The event's identifier: made of that of its command, which has no other event.
    pub id: Uuid,
    /// The domain's namespace.
    pub domain: Cow<'static, str>,
    /// The aggregate's revision, in whose shape `args`, `data` and `change` are written.
    pub revision: u32,
    /// The event's key.
    pub event: Cow<'static, str>,
    /// The root that it happened to.
    #[serde(flatten)]
    pub root: AggregateRoot,
    /// Which event of the root it is: 1 created it, and there are no gaps.
    pub version: u64,
    /// The command that gave it.
    pub src_cmd: Uuid,
    /// The command's arguments, without secrets.
    pub args: Json,
    /// What the rule returned; nothing where it returned `()` or the state.
    pub data: Option<Json>,
    /// What it did to the state.
    pub change: StateDelta,
    /// When it happened: UTC with microseconds, never earlier than the event before it.
    pub occurred: DateTime<Utc>,
}

impl EventRecord {
    /// The event's key.
    pub fn key(&self) -> &str {
        &self.event
    }
}
