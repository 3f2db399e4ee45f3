//! Tests of the scheduler: its effects after each input.

use std::sync::Arc;

use super::fixtures::{aggregate_id, row, unit};
use super::{CommandSeq, Decision, Effect, Limits, Resolution, Scheduler};
use crate::collections::OneVec;
use crate::scheduler::CachedVersion;
use fluvius_store::{AggregateId, CommitOutcome, Lease};

struct World {
    scheduler: Scheduler<()>,
    lease: Option<Lease>,
}

impl World {
    fn new() -> Self {
        let limits = Limits {
            max_batch_units: 100,
            max_batch_bytes: usize::MAX,
            cache_capacity: usize::MAX,
            max_attempts: 6,
            lease_from_conflict: 5,
            #[cfg(feature = "__test_seams")]
            mutant: None,
        };
        Self { scheduler: Scheduler::new(&limits), lease: None }
    }

    fn accept(&mut self, aggregate_ids: &[u128]) -> CommandSeq {
        self.accept_after(aggregate_ids, None)
    }

    fn accept_after(&mut self, aggregate_ids: &[u128], after: Option<CommandSeq>) -> CommandSeq {
        self.scheduler.accept(aggregate_ids.iter().copied().map(aggregate_id).collect(), (), after)
    }

    /// Returns the next effect as text, or `-` if there is none.
    fn next(&mut self) -> String {
        match self.scheduler.next_effect() {
            None => "-".to_owned(),
            Some(Effect::Decide(seq)) => format!("decide {seq}"),
            Some(Effect::Commit(batch)) => format!("commit {}", batch.len()),
            Some(Effect::Answer(seq, resolution)) => {
                self.scheduler.finish(seq);
                match resolution {
                    Resolution::Committed { .. } => format!("answer {seq}"),
                    Resolution::Conflict(_, count) => format!("answer {seq}: conflict {count}"),
                    resolution => format!("answer {seq}: {resolution:?}"),
                }
            }
            Some(Effect::BackOff(seq, count)) => format!("back off {seq}, {count}"),
            Some(Effect::ResolveInDoubt(seq)) => format!("resolve {seq}"),
            Some(Effect::AcquireLease(aggregate_id)) => {
                format!("acquire {}", number(&aggregate_id))
            }
            Some(Effect::KeepLease(aggregate_id)) => format!("keep {}", number(&aggregate_id)),
            Some(Effect::ReleaseLease(lease)) => {
                drop(lease);
                "release".to_owned()
            }
        }
    }

    /// Checks the next effects.
    #[track_caller]
    fn expect(&mut self, effects: &[&str]) {
        let found: Vec<String> = effects.iter().map(|_| self.next()).collect();
        assert_eq!(found, effects);
    }

    /// Returns all pending effects.
    fn all_effects(&mut self) -> Vec<String> {
        let effect = |world: &mut Self| Some(world.next()).filter(|effect| effect != "-");
        std::iter::from_fn(|| effect(self)).collect()
    }

    /// Returns a decision on the newest versions of `reads` that writes `writes`.
    fn decision(&mut self, reads: &[u128], writes: &[u128]) -> Decision {
        let versions = &mut self.scheduler.versions;
        let reads: OneVec<Arc<CachedVersion>> = reads
            .iter()
            .map(|number| {
                let known = versions.newest(&aggregate_id(*number));
                known.unwrap_or_else(|| {
                    versions.insert_loaded(Arc::new(CachedVersion::loaded(
                        aggregate_id(*number),
                        Some(row(*number, 1, 2)),
                    )))
                })
            })
            .collect();
        let written = reads.iter().filter(|read| writes.contains(&number(&read.aggregate_id)));
        let writes = written
            .map(|read| {
                let next = row(number(&read.aggregate_id), read.version() + 1, 2);
                Arc::new(CachedVersion::pending(read.aggregate_id.clone(), Some(next)))
            })
            .collect();
        Decision { reads, writes, unit: unit() }
    }

    /// Decides a command that writes all aggregates that it reads. Returns true if it is admitted.
    fn decide(&mut self, seq: CommandSeq, aggregate_ids: &[u128]) -> bool {
        let decision = self.decision(aggregate_ids, aggregate_ids);
        self.scheduler.admit(seq, decision)
    }

    fn complete_batch(&mut self, outcomes: Vec<CommitOutcome>) {
        self.scheduler.on_batch_committed(outcomes);
    }

    /// Decides a command on aggregate 1, whose commit then ends with a version conflict.
    fn meet_conflict(&mut self, seq: CommandSeq, version: u64) {
        assert!(self.decide(seq, &[1]));
        self.expect(&["commit 1"]);
        self.complete_batch(vec![stale(1, version)]);
    }

    /// The same several times; each time the command is decided again at once.
    fn meet_conflicts(&mut self, seq: CommandSeq, versions: std::ops::Range<u64>) {
        for version in versions {
            self.meet_conflict(seq, version);
            assert_eq!(self.next(), format!("decide {seq}"));
        }
    }

    /// Grants the lease of an aggregate, whose version another process has set.
    fn grant_lease(&mut self, number: u128, version: u64) {
        let lease = self.lease.take().unwrap_or_else(|| Lease::new(()));
        self.scheduler
            .on_lease_acquired(&aggregate_id(number), Some((lease, Some(row(number, version, 2)))));
    }
}

fn number(aggregate_id: &AggregateId) -> u128 {
    aggregate_id.id.as_u128()
}

fn stored() -> CommitOutcome {
    CommitOutcome::Committed { first: 1, contended: Vec::new() }
}

/// Returns a committed outcome that reports foreign leases on the aggregate.
fn contended(number: u128) -> CommitOutcome {
    CommitOutcome::Committed { first: 1, contended: vec![aggregate_id(number)] }
}

fn stale(number: u128, version: u64) -> CommitOutcome {
    CommitOutcome::VersionConflict {
        aggregate_id: aggregate_id(number),
        stored: Some(Box::new(row(number, version, 2))),
    }
}

#[test]
fn commands_on_one_aggregate_keep_order_and_share_a_batch() {
    let mut world = World::new();
    for _ in 0..3 {
        world.accept(&[1]);
    }
    for seq in 0..3 {
        assert_eq!(world.next(), format!("decide {seq}"));
        assert!(world.decide(seq, &[1]));
        assert_eq!(world.scheduler.queue_depth(), usize::try_from(seq).unwrap() + 1);
    }
    world.expect(&["commit 3", "-"]);
    assert_eq!(world.scheduler.queue_depth(), 0);
    assert!(!world.scheduler.has_effect());
    world.complete_batch(vec![stored(), stored(), stored()]);
    assert!(world.scheduler.has_effect());
    world.expect(&["answer 0", "answer 1", "answer 2", "-"]);
    assert!(world.scheduler.is_idle());
}

#[test]
fn dependents_of_an_aborted_unit_abort_and_others_commit() {
    let mut world = World::new();
    for number in [1, 2, 1, 2] {
        world.accept(&[number]);
    }
    world.expect(&["decide 0", "decide 1"]);
    assert!(world.decide(0, &[1]) && world.decide(1, &[2]));
    world.expect(&["decide 2", "decide 3", "commit 2"]);
    assert!(world.decide(2, &[1]) && world.decide(3, &[2]));
    world.complete_batch(vec![stale(1, 7), stored()]);
    // Commands that are decided again keep their order.
    world.expect(&["answer 1", "decide 0", "commit 1", "-"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["decide 2"]);
    assert!(world.decide(2, &[1]));
    world.complete_batch(vec![stored()]);
    world.expect(&["answer 3", "commit 2"]);
    world.complete_batch(vec![stored(), stored()]);
    world.expect(&["answer 0", "answer 2", "-"]);
}

#[test]
fn command_ends_at_its_last_conflict() {
    let mut world = World::new();
    world.scheduler.limits.max_attempts = 3;
    world.accept(&[1]);
    world.expect(&["decide 0"]);
    world.meet_conflicts(0, 5..7);
    world.meet_conflict(0, 7);
    world.expect(&["answer 0: conflict 3", "-"]);
}

#[test]
fn command_backs_off_from_its_third_conflict() {
    let mut world = World::new();
    world.accept(&[1]);
    world.expect(&["decide 0"]);
    world.meet_conflicts(0, 5..7);
    world.meet_conflict(0, 7);
    world.expect(&["back off 0, 3", "-"]);
    world.scheduler.resume(0);
    world.expect(&["decide 0", "-"]);
}

#[test]
fn command_requires_a_lease_from_its_fifth_conflict() {
    let mut world = World::new();
    world.accept(&[1]);
    world.expect(&["decide 0"]);
    world.meet_conflicts(0, 5..7);
    for (version, effect) in [(7, "back off 0, 3"), (8, "back off 0, 4")] {
        world.meet_conflict(0, version);
        world.expect(&[effect]);
        world.scheduler.resume(0);
        world.expect(&["decide 0"]);
    }
    world.meet_conflict(0, 9);
    world.expect(&["acquire 1", "-"]);
}

#[test]
fn hot_aggregate_requires_a_lease_from_the_second_conflict() {
    for (count, requires_lease) in [(8, true), (3, false)] {
        let mut world = World::new();
        for _ in 0..count {
            world.accept(&[1]);
        }
        for version in [5, 6] {
            for seq in 0..count {
                assert_eq!(world.next(), format!("decide {seq}"));
                assert!(world.decide(seq, &[1]));
            }
            assert_eq!(world.next(), format!("commit {count}"));
            let aborted = (1..count).map(|_| CommitOutcome::DependencyAborted { on: 0 });
            world.complete_batch([stale(1, version)].into_iter().chain(aborted).collect());
        }
        world.expect(&[if requires_lease { "acquire 1" } else { "decide 0" }]);
    }
}

#[test]
fn commands_of_a_stream_keep_their_order() {
    let mut world = World::new();
    let first = world.accept(&[1]);
    world.accept_after(&[2], Some(first));
    world.expect(&["decide 0", "-"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["decide 1", "commit 1"]);
    assert!(world.decide(1, &[2]));
    // Command 1 remains decided, although command 0 before it must be decided again.
    world.accept_after(&[3], Some(1));
    world.expect(&["decide 2"]);
    world.complete_batch(vec![stale(1, 4)]);
    world.expect(&["decide 0", "commit 1"]);
    assert!(world.decide(2, &[3]), "the previous command of its stream is decided");
}

#[test]
fn group_excludes_other_commands_until_it_is_admitted() {
    let mut world = World::new();
    world.accept(&[3]);
    world.accept(&[1, 2]);
    world.accept(&[4]);
    world.expect(&["decide 0", "decide 1", "decide 2"]);
    assert!(!world.decide(0, &[3, 1]));
    assert!(!world.decide(2, &[4, 2]));
    world.expect(&["-"]);
    assert!(world.decide(1, &[1, 2]));
    world.expect(&["decide 0", "decide 2", "commit 1"]);
    assert!(world.decide(0, &[3, 1]) && world.decide(2, &[4, 2]));
}

#[test]
fn waiting_group_excludes_younger_commands_only() {
    let mut world = World::new();
    world.accept(&[3]);
    world.accept(&[2]);
    world.accept(&[1, 2]);
    world.accept(&[4]);
    world.expect(&["decide 0", "decide 1", "decide 3"]);
    assert!(world.decide(0, &[3, 1]));
    assert!(!world.decide(3, &[4, 1]));
    world.expect(&["commit 1", "-"]);
    assert!(world.decide(1, &[2]));
    world.expect(&["decide 2", "-"]);
}

#[test]
fn command_on_one_aggregate_excludes_no_other() {
    let mut world = World::new();
    world.accept(&[1]);
    world.accept(&[2]);
    world.expect(&["decide 0", "decide 1"]);
    let decision = world.decision(&[1], &[1]);
    assert!(world.decide(1, &[2, 1]));
    assert!(!world.scheduler.admit(0, decision), "it has read a version that is not the newest");
    world.expect(&["decide 0", "commit 1"]);
}

#[test]
fn command_locks_all_its_aggregates_after_three_losses() {
    let mut world = World::new();
    world.accept(&[3]);
    world.expect(&["decide 0"]);
    for other in 1..=3 {
        let decision = world.decision(&[3, 1], &[3, 1]);
        world.accept(&[1]);
        assert_eq!(world.next(), format!("decide {other}"));
        assert!(world.decide(other, &[1]));
        assert!(!world.scheduler.admit(0, decision));
        assert_eq!(world.next(), "decide 0");
    }
    world.accept(&[1]);
    world.expect(&["commit 3", "-"]);
    assert!(world.decide(0, &[3, 1]));
    world.expect(&["decide 4"]);
}

#[test]
fn command_precedes_younger_groups_after_three_exclusions() {
    let mut world = World::new();
    world.accept(&[3]);
    for _ in 1..=4 {
        world.accept(&[1, 2]);
    }
    world.expect(&["decide 0", "decide 1"]);
    for group in 1..=2 {
        assert!(!world.decide(0, &[3, 1]));
        assert!(world.decide(group, &[1, 2]));
        let next = format!("decide {}", group + 1);
        world.expect(&[&next, "decide 0"]);
    }
    assert!(!world.decide(0, &[3, 1]));
    assert!(!world.decide(3, &[1, 2]), "an older command now waits for its locks");
    world.expect(&["decide 0", "commit 2", "-"]);
    assert!(world.decide(0, &[3, 1]));
    world.expect(&["decide 3"]);
}

#[test]
fn older_waiter_is_decided_before_the_younger_holder() {
    let mut world = World::new();
    world.accept(&[1]);
    world.accept(&[1]);
    world.expect(&["decide 0"]);
    // A rejection, which changes nothing and was decided on another aggregate too.
    let rejection = world.decision(&[1, 2], &[]);
    assert!(world.scheduler.admit(0, rejection));
    world.expect(&["decide 1", "commit 1"]);
    let decision = world.decision(&[1], &[1]);
    world.complete_batch(vec![stale(2, 5)]);
    assert!(!world.scheduler.admit(1, decision), "the versions that it has read have not changed");
    world.expect(&["decide 0", "-"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["decide 1"]);
}

#[test]
fn reader_of_an_aborted_version_runs_after_its_writer() {
    let mut world = World::new();
    world.accept(&[1]);
    world.accept(&[2]);
    world.expect(&["decide 0", "decide 1"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["commit 1"]);
    let decision = world.decision(&[2, 1], &[2]);
    world.complete_batch(vec![stale(1, 5)]);
    assert!(!world.scheduler.admit(1, decision));
    world.expect(&["decide 0", "-"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["decide 1"]);
}

#[test]
fn admitted_command_blocks_no_other() {
    let mut world = World::new();
    world.accept(&[1]);
    world.accept(&[1]);
    world.accept(&[2]);
    world.expect(&["decide 0"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["decide 2", "decide 1"]);
    let decision = world.decision(&[1], &[1]);
    assert!(world.decide(2, &[2, 1]));
    assert!(!world.scheduler.admit(1, decision));
    world.expect(&["decide 1", "commit 2"]);
}

/// Returns a world in which the lease of aggregate 1 is requested.
fn with_requested_lease() -> World {
    let mut world = World::new();
    world.accept(&[1]);
    world.expect(&["decide 0"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["commit 1"]);
    world.complete_batch(vec![contended(1)]);
    world.expect(&["acquire 1", "answer 0", "-"]);
    world
}

#[test]
fn commands_wait_for_a_requested_lease_and_others_do_not() {
    let mut world = with_requested_lease();
    world.accept(&[1]);
    world.accept(&[2]);
    world.accept(&[3]);
    world.expect(&["decide 2", "decide 3", "-"]);
    assert!(world.decide(2, &[2]), "it does not touch the leased aggregate");
    assert!(!world.decide(3, &[3, 1]), "it has read an aggregate whose lease is missing");
    world.expect(&["commit 1", "-"]);
    world.grant_lease(1, 9);
    world.expect(&["keep 1", "decide 1", "decide 3"]);
    assert!(world.decide(1, &[1]) && world.decide(3, &[3, 1]));
    assert_eq!(world.scheduler.versions.newest(&aggregate_id(1)).unwrap().version(), 11);
}

#[test]
fn unused_lease_is_returned_at_its_next_tick() {
    let mut world = with_requested_lease();
    world.grant_lease(1, 9);
    world.expect(&["keep 1", "-"]);
    world.scheduler.on_lease_tick(&aggregate_id(1));
    world.expect(&["release", "-"]);
    world.accept(&[1]);
    world.expect(&["decide 1", "-"]);
}

#[test]
fn used_lease_expires_after_five_ticks_and_is_then_returned() {
    let mut world = with_requested_lease();
    world.accept(&[1]);
    world.grant_lease(1, 9);
    world.expect(&["keep 1", "decide 1"]);
    for _ in 0..4 {
        world.scheduler.on_lease_tick(&aggregate_id(1));
        world.expect(&["keep 1", "-"]);
    }
    world.scheduler.on_lease_tick(&aggregate_id(1));
    world.accept(&[1]);
    world.expect(&["-"]);
    assert!(world.decide(1, &[1]));
    world.expect(&["commit 1", "-"]);
    world.complete_batch(vec![stored()]);
    world.expect(&["answer 1", "release", "acquire 1", "-"]);
    world.grant_lease(1, 10);
    world.expect(&["keep 1", "decide 2"]);
}

#[test]
fn leasing_stops_after_two_uncontended_leases() {
    let mut world = with_requested_lease();
    world.accept(&[1]);
    for seq in 1..=2 {
        let version = world.scheduler.versions.newest(&aggregate_id(1)).unwrap().version();
        world.grant_lease(1, version);
        world.expect(&["keep 1"]);
        assert_eq!(world.next(), format!("decide {seq}"));
        for _ in 0..5 {
            world.scheduler.on_lease_tick(&aggregate_id(1));
        }
        world.expect(&["keep 1"; 4]);
        // This command waits for the next lease.
        world.accept(&[1]);
        assert!(world.decide(seq, &[1]));
        world.expect(&["commit 1", "-"]);
        world.complete_batch(vec![stored()]);
        assert_eq!(world.next(), format!("answer {seq}"));
        world.expect(&["release", if seq == 1 { "acquire 1" } else { "decide 3" }, "-"]);
    }
}

/// Lets a command that lost its admission wait for the lease of an earlier aggregate while the time
/// slice of the later one ends. Returns the effects after that.
fn steps_of_a_lost_command(mut world: World) -> Vec<String> {
    // A group on two aggregates, of which only the later one is contended at first.
    world.accept(&[9]);
    world.expect(&["decide 0"]);
    assert!(world.decide(0, &[9]));
    world.expect(&["commit 1"]);
    world.complete_batch(vec![contended(9)]);
    world.expect(&["acquire 9", "answer 0", "-"]);
    world.accept(&[1, 9]);
    world.grant_lease(9, 5);
    world.expect(&["keep 9", "decide 1", "-"]);
    let decision = world.decision(&[1, 9, 4], &[1, 9]);
    // Before the admission, the earlier aggregate becomes contended, and a state that the group has
    // read changes.
    world.accept(&[5]);
    world.expect(&["decide 2"]);
    assert!(world.decide(2, &[5, 4]));
    world.expect(&["commit 1"]);
    world.complete_batch(vec![contended(1)]);
    world.expect(&["acquire 1", "answer 2", "-"]);
    assert!(!world.scheduler.admit(1, decision), "it has read a version that is not the newest");
    for _ in 0..5 {
        world.scheduler.on_lease_tick(&aggregate_id(9));
    }
    let effects = world.all_effects();
    world.grant_lease(1, 3);
    world.expect(&["keep 1"]);
    effects
}

#[test]
fn lost_command_releases_later_leases_before_it_waits() {
    let effects = steps_of_a_lost_command(World::new());
    assert!(effects.contains(&"release".to_owned()), "{effects:?}");
}

#[test]
#[cfg(feature = "__test_seams")]
fn mutant_that_keeps_later_leases_is_detected() {
    let mut world = World::new();
    world.scheduler.limits.mutant = Some(crate::mutants::Mutant::KeepLaterLeases);
    let effects = steps_of_a_lost_command(world);
    assert!(!effects.contains(&"release".to_owned()), "{effects:?}");
}
