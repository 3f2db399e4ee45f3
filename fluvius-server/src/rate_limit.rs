//! Rate limits: token buckets of senders.
//!
//! # Source
//! IETF draft-ietf-httpapi-ratelimit-headers-11.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use fluvius_core::{Actor, DomainContext};

use crate::problem::Problem;

/// Maximum number of buckets of one limit, since an attacker may have many addresses.
const MAX_BUCKETS: usize = 10_000;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// A limit of the rate of requests: a number of requests in a window of time. A sender may send all
/// of them at once, and then at the rate of the number per window.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use fluvius_server::RateLimit;
///
/// let limit = RateLimit::new(600, Duration::from_secs(60));
/// # let _ = limit;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    requests: u32,
    window: Duration,
}

impl RateLimit {
    /// Creates a limit of a number of requests in a minute.
    pub(crate) const fn per_minute(requests: u32) -> Self {
        Self { requests, window: Duration::from_secs(60) }
    }

    /// Creates a limit of a number of requests, at least 1, in a window of at least a second.
    pub fn new(requests: u32, window: Duration) -> Self {
        Self { requests: requests.max(1), window: window.max(Duration::from_secs(1)) }
    }
}

/// A sender, as a limit counts it: an actor in its realm, or else an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum SenderKey {
    Actor(Option<String>, Actor),
    Address(Option<IpAddr>),
}

impl SenderKey {
    /// Returns the key of a sender, which is the address for an anonymous one.
    pub(crate) fn new(context: &DomainContext, address: Option<IpAddr>) -> Self {
        match context.actor() {
            actor if actor == Actor::default() => Self::Address(address),
            actor => Self::Actor(context.realm().map(str::to_owned), actor),
        }
    }
}

/// The buckets of one limit.
#[derive(Debug)]
pub(crate) struct Buckets {
    name: &'static str,
    limit: RateLimit,
    buckets: Mutex<HashMap<SenderKey, Bucket>>,
}

/// A bucket of tokens, one for each request.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

/// The state of a bucket after a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quota {
    is_admitted: bool,
    /// The number of requests that are left.
    remaining: u32,
    /// The time until a further one is left.
    reset: Duration,
}

impl Buckets {
    pub(crate) fn new(name: &'static str, limit: RateLimit) -> Self {
        Self { name, limit, buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes a token of a sender, if one is left.
    pub(crate) fn take(&self, key: &SenderKey, now: Instant) -> Quota {
        self.update(key, now, 1.0)
    }

    /// Returns the state of a sender's bucket without taking a token.
    pub(crate) fn peek(&self, key: &SenderKey, now: Instant) -> Quota {
        self.update(key, now, 0.0)
    }

    fn update(&self, key: &SenderKey, now: Instant, cost: f64) -> Quota {
        let full = f64::from(self.limit.requests);
        let rate = full / self.limit.window.as_secs_f64();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(key) {
            make_room(&mut buckets, now, rate, full);
        }
        let fresh = Bucket { tokens: full, filled_at: now };
        let bucket = buckets.entry(key.clone()).or_insert(fresh);
        bucket.refill(now, rate, full);
        let is_admitted = bucket.tokens >= 1.0;
        if is_admitted {
            bucket.tokens -= cost;
        }
        let missing = (1.0 - bucket.tokens).max(0.0);
        Quota {
            is_admitted,
            remaining: whole(bucket.tokens),
            reset: Duration::from_secs_f64(missing / rate),
        }
    }

    /// Returns the problem of a request over the limit.
    pub(crate) fn problem(&self, quota: Quota) -> Problem {
        let detail = format!(
            "more than {} requests in {} s",
            self.limit.requests,
            self.limit.window.as_secs()
        );
        let seconds = seconds(quota.reset).max(1).to_string();
        let mut problem = Problem::new("rate-limited", detail);
        problem = problem.with_header(header::RETRY_AFTER, &seconds);
        self.write(quota, &mut problem.headers);
        problem
    }

    /// Adds the headers that tell the limit and its state.
    pub(crate) fn write(&self, quota: Quota, headers: &mut HeaderMap) {
        let name = self.name;
        let RateLimit { requests, window } = self.limit;
        let policy = format!("\"{name}\";q={requests};w={}", window.as_secs());
        let state = format!("\"{name}\";r={};t={}", quota.remaining, seconds(quota.reset));
        for (name, value) in [(POLICY, policy), (STATE, state)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
    }
}

impl Quota {
    pub(crate) fn is_admitted(&self) -> bool {
        self.is_admitted
    }
}

impl Bucket {
    fn refill(&mut self, now: Instant, rate: f64, full: f64) {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * rate).min(full);
        self.filled_at = self.filled_at.max(now);
    }
}

/// Removes the buckets that are full again, or else the one that was used least recently.
fn make_room<K: Clone + Eq + Hash>(
    buckets: &mut HashMap<K, Bucket>,
    now: Instant,
    rate: f64,
    full: f64,
) {
    buckets.retain(|_, bucket| {
        bucket.refill(now, rate, full);
        bucket.tokens < full
    });
    if buckets.len() >= MAX_BUCKETS {
        let oldest =
            buckets.iter().max_by(|(_, one), (_, other)| one.tokens.total_cmp(&other.tokens));
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            buckets.remove(&key);
        }
    }
}

/// Rounds up to whole seconds.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bucket has from 0 to `requests` tokens"
)]
fn whole(tokens: f64) -> u32 {
    tokens as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: u32) -> SenderKey {
        SenderKey::Address(Some(IpAddr::from(host.to_be_bytes())))
    }

    #[test]
    fn burst_is_admitted_and_then_the_rate() {
        let buckets = Buckets::new("actor", RateLimit::new(10, Duration::from_secs(10)));
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let admitted =
            |time| (0..20).filter(|_| buckets.take(&address(1), time).is_admitted).count();
        assert_eq!(admitted(now), 10);
        assert_eq!(admitted(at(3)), 3);
        assert_eq!(admitted(at(3)), 0);
        assert!(buckets.take(&address(2), at(3)).is_admitted);
        assert_eq!(admitted(at(1_000)), 10);
        // A clock that goes backwards refills nothing.
        assert_eq!(admitted(at(500)), 0);
    }

    #[test]
    fn headers_tell_the_limit_and_its_state() {
        let buckets = Buckets::new("actor", RateLimit::new(2, Duration::from_secs(60)));
        let now = Instant::now();
        buckets.take(&address(1), now);
        buckets.take(&address(1), now);
        let quota = buckets.take(&address(1), now);
        let problem = buckets.problem(quota);
        let header = |name: &str| problem.headers[name].to_str().unwrap();
        assert_eq!(header("ratelimit-policy"), "\"actor\";q=2;w=60");
        assert_eq!(header("ratelimit"), "\"actor\";r=0;t=30");
        assert_eq!(header("retry-after"), "30");
    }

    #[test]
    fn number_of_buckets_is_bounded() {
        let buckets = Buckets::new("actor", RateLimit::new(1, Duration::from_secs(60)));
        let now = Instant::now();
        for host in 0..25_000 {
            assert!(buckets.take(&address(host), now).is_admitted);
        }
        assert_eq!(buckets.buckets.lock().unwrap().len(), MAX_BUCKETS);
        let later = now + Duration::from_secs(61);
        buckets.take(&address(30_000), later);
        assert_eq!(buckets.buckets.lock().unwrap().len(), 1);
    }
}
