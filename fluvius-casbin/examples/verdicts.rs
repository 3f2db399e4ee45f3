//! Measures the processor time of a verdict, by the number of rules: decided by casbin, and from
//! the cache. It needs Linux.
//!
//! ```sh
//! cargo run --release -p fluvius-casbin --example verdicts
//! ```

use std::convert::Infallible;
use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use fluvius_casbin::CasbinPolicy;
use fluvius_core::uuid::Uuid;
use fluvius_core::{Domain, DomainContext, Policy, ReadKind, ReadRequest, aggregate};
use serde::{Deserialize, Serialize};

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {}

#[aggregate(resource = "account")]
impl Account {
    /// Open an account.
    #[action(evt_key = "account-opened")]
    pub fn open_account() -> Result<Self, Infallible> {
        Ok(Self {})
    }
}

/// Domain of a bank.
#[derive(Debug, Domain)]
#[domain(aggregates(Account))]
pub struct BankDomain;

/// Returns rules of which only the last one matches the measured request.
fn rules(count: usize) -> String {
    let other = |number| format!("p, role-{number}, north, account, QUERY, bank:state\n");
    let mut rules: String = (1..count).map(other).collect();
    rules += "p, teller, north, account, QUERY, bank:state\ng2, chief, teller\n";
    rules
}

/// Returns the processor time of this thread so far.
fn processor_time() -> Result<Duration, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// Returns the median time of a verdict, of 9 batches of at least 50 ms.
async fn measure(
    policy: &CasbinPolicy,
    context: &DomainContext,
) -> Result<Duration, Box<dyn Error>> {
    let request = ReadRequest::new(ReadKind::State).resource("account").id(Uuid::from_u128(1));
    let (mut times, mut size) = (Vec::new(), 1_u32);
    while times.len() < 9 {
        let start = processor_time()?;
        for _ in 0..size {
            black_box(policy.may_read(&request, context).await);
        }
        let time = processor_time()? - start;
        match time < Duration::from_millis(50) {
            true => size *= 2,
            false => times.push(time / size),
        }
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let context = DomainContext::create("desk").with_user(Uuid::from_u128(7)).with_realm("north");
    let context = context.with_role("chief");
    println!("{:>6} rules {:>12} {:>12}", "", "by casbin", "cached");
    for count in [10, 100, 1_000, 10_000] {
        let policy = CasbinPolicy::from_text::<BankDomain>(rules(count));
        let by_casbin = measure(&policy.cache_capacity(0).build().await?, &context).await?;
        let policy = CasbinPolicy::from_text::<BankDomain>(rules(count));
        let cached = measure(&policy.build().await?, &context).await?;
        println!("{count:>6}       {by_casbin:>12.2?} {cached:>12.2?}");
    }
    Ok(())
}
