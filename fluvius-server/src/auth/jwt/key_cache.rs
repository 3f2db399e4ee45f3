//! The keys of an issuer over time: refreshed, and kept for a while if the issuer is down.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fluvius_core::Clock;
use fluvius_core::chrono::{DateTime, TimeDelta, Utc};

use super::SigningAlgorithm;
use super::key_set::{Found, Key, KeySet};
use super::key_source::KeySource;
use super::token_fault::TokenFault;

/// Age from which on keys are read again.
const REFRESH_AFTER: TimeDelta = TimeDelta::minutes(15);
/// Minimum time between two attempts to read them.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// Minimum time between two attempts while there are no keys at all.
const PAUSE_WITHOUT_KEYS: TimeDelta = TimeDelta::seconds(5);
/// Maximum age of keys that are used.
const MAX_AGE: TimeDelta = TimeDelta::hours(24);

/// The keys of an issuer.
pub(super) struct KeyCache {
    shared: Arc<Shared>,
}

struct Shared {
    source: KeySource,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Held during an attempt, so that there is one at a time.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    keys: Option<(Arc<KeySet>, DateTime<Utc>)>,
    /// The start of the last attempt.
    tried_at: Option<DateTime<Utc>>,
}

impl KeyCache {
    pub(super) fn new(source: KeySource, clock: Arc<dyn Clock>) -> Self {
        let (state, reading) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { shared: Arc::new(Shared { source, clock, state, reading }) }
    }

    /// Replaces the clock, before the first token.
    pub(super) fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        *self = Self::new(self.shared.source.clone(), clock);
    }

    /// Finds the key of a token. If there is none, the keys are read again, unless they were within
    /// the last minute.
    ///
    /// # Errors
    /// No keys, no such key, or a key with another algorithm.
    pub(super) async fn find(
        &self,
        id: Option<&str>,
        algorithm: SigningAlgorithm,
    ) -> Result<Key, TokenFault> {
        if let Some(keys) = self.shared.source.fixed() {
            return found(keys.find(id, algorithm));
        }
        let keys = match self.shared.usable() {
            Some(keys) => {
                if self.shared.is_refresh_due() {
                    // The request does not wait for it.
                    drop(Arc::clone(&self.shared).refresh(PAUSE));
                }
                keys
            }
            None => {
                self.refresh(PAUSE_WITHOUT_KEYS).await;
                self.shared.usable().ok_or(TokenFault::NoKeys)?
            }
        };
        match keys.find(id, algorithm) {
            Found::Unknown => {
                self.refresh(PAUSE).await;
                let keys = self.shared.usable().ok_or(TokenFault::NoKeys)?;
                found(keys.find(id, algorithm))
            }
            other => found(other),
        }
    }

    /// Reads the keys and waits for it, unless the last attempt is less than `pause` ago. An
    /// attempt that runs is awaited.
    async fn refresh(&self, pause: TimeDelta) {
        if self.shared.has_tried_within(pause) {
            drop(self.shared.reading.lock().await);
        } else {
            // In a task, so that a sender that hangs up does not cancel it.
            let _ = Arc::clone(&self.shared).refresh(pause).await;
        }
    }
}

fn found(found: Found<'_>) -> Result<Key, TokenFault> {
    match found {
        Found::Key(key) => Ok(key.clone()),
        Found::OtherAlgorithm => Err(TokenFault::Algorithm),
        Found::Unknown => Err(TokenFault::UnknownKey),
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the keys, unless they are too old.
    fn usable(&self) -> Option<Arc<KeySet>> {
        let now = self.clock.now();
        let state = self.state();
        let (keys, read_at) = state.keys.as_ref()?;
        (now.signed_duration_since(read_at) <= MAX_AGE).then(|| Arc::clone(keys))
    }

    fn is_refresh_due(&self) -> bool {
        let now = self.clock.now();
        let read_at = self.state().keys.as_ref().map(|(_, read_at)| *read_at);
        let is_fresh = read_at.is_some_and(|read_at| is_within(read_at, now, REFRESH_AFTER));
        !is_fresh && !self.has_tried_within(PAUSE)
    }

    fn has_tried_within(&self, pause: TimeDelta) -> bool {
        let now = self.clock.now();
        self.state().tried_at.is_some_and(|tried_at| is_within(tried_at, now, pause))
    }

    /// Starts a task that reads the keys.
    fn refresh(self: Arc<Self>, pause: TimeDelta) -> tokio::task::JoinHandle<()> {
        tokio::spawn(async move {
            let _reading = self.reading.lock().await;
            // Another task may have been faster.
            if self.has_tried_within(pause) {
                return;
            }
            self.state().tried_at = Some(self.clock.now());
            match self.source.read().await {
                Ok(keys) => self.state().keys = Some((keys, self.clock.now())),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the keys of the token issuer cannot be read");
                }
            }
        })
    }
}

/// Returns true if a time is less than `span` ago. A time that is ahead, since the clock was set
/// back, is not.
fn is_within(time: DateTime<Utc>, now: DateTime<Utc>, span: TimeDelta) -> bool {
    let age = now.signed_duration_since(time);
    age >= TimeDelta::zero() && age < span
}

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyCache").field(&self.shared.source).finish()
    }
}
