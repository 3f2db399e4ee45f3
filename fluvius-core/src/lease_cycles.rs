//! The leases of a runtime as tests see them, and a search for deadlocks among runtimes.

use fluvius_store::AggregateId;

/// An aggregate whose lease a runtime holds or has requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseState {
    /// The aggregate.
    pub aggregate_id: AggregateId,
    /// Set if the runtime holds the lease; otherwise it has requested it.
    pub is_held: bool,
    /// For each command that keeps this lease, the aggregate whose lease it waits for, if any.
    pub keepers_wait_for: Vec<Option<AggregateId>>,
}

/// Finds runtimes on one store that wait for each other's leases.
///
/// # Shape
/// One list of [`LeaseState`] per runtime. Returns each runtime of the cycle by index, with the
/// aggregate whose lease it keeps and the aggregate whose lease it waits for.
pub fn lease_cycle(runtimes: &[Vec<LeaseState>]) -> Option<Vec<LeaseWait>> {
    let waits: Vec<LeaseWait> = runtimes
        .iter()
        .enumerate()
        .flat_map(|(runtime, states)| {
            states.iter().filter(|state| state.is_held).flat_map(move |state| {
                let waited_for = state.keepers_wait_for.iter().flatten();
                waited_for.map(move |waits_for| LeaseWait {
                    runtime,
                    keeps: state.aggregate_id.clone(),
                    waits_for: waits_for.clone(),
                })
            })
        })
        .collect();
    waits.iter().find_map(|first| cycle_from(&waits, vec![first.clone()]))
}

fn cycle_from(waits: &[LeaseWait], path: Vec<LeaseWait>) -> Option<Vec<LeaseWait>> {
    let last = path.last()?;
    for next in waits.iter().filter(|wait| wait.keeps == last.waits_for) {
        if next.keeps == path[0].keeps {
            return Some(path);
        }
        if !path.contains(next) {
            let mut longer = path.clone();
            longer.push(next.clone());
            if let Some(cycle) = cycle_from(waits, longer) {
                return Some(cycle);
            }
        }
    }
    None
}

/// A runtime that keeps one lease while it waits for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseWait {
    /// The index of the runtime.
    pub runtime: usize,
    /// The aggregate whose lease it keeps.
    pub keeps: AggregateId,
    /// The aggregate whose lease it waits for.
    pub waits_for: AggregateId,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn aggregate_id(number: u128) -> AggregateId {
        AggregateId::new("thing", Uuid::from_u128(number))
    }

    fn held(number: u128, waits_for: &[u128]) -> LeaseState {
        let keepers_wait_for = waits_for.iter().map(|number| Some(aggregate_id(*number))).collect();
        LeaseState { aggregate_id: aggregate_id(number), is_held: true, keepers_wait_for }
    }

    #[test]
    fn runtimes_that_wait_for_each_other_form_a_cycle() {
        let apart = [vec![held(1, &[2])], vec![held(2, &[3])], vec![held(3, &[])]];
        assert_eq!(lease_cycle(&apart), None);
        let mut cyclic = apart.to_vec();
        cyclic[2] = vec![held(3, &[4, 1])];
        let cycle = lease_cycle(&cyclic).unwrap();
        let runtimes: Vec<usize> = cycle.iter().map(|wait| wait.runtime).collect();
        assert_eq!(runtimes, [0, 1, 2]);
    }
}
