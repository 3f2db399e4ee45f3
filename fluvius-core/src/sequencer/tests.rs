//! What the sequencer does next, told step by step.

use std::sync::Arc;

use super::fixtures::{root, row, unit};
use super::{Decision, Limits, Sequencer, Settled, Step, Ticket};
use crate::few::Few;
use crate::processor::Head;
use crate::root::AggregateRoot;
use crate::store::{Fate, StoreTurn};

struct World {
    sequencer: Sequencer<()>,
    turn: Option<StoreTurn>,
}

impl World {
    fn new() -> Self {
        let limits = Limits {
            batch_unit_count_max: 100,
            batch_bytes_max: usize::MAX,
            cache_bytes_max: usize::MAX,
            conflict_count_max: 2,
            #[cfg(feature = "testing")]
            planted: None,
        };
        Self { sequencer: Sequencer::new(&limits), turn: None }
    }

    fn accept(&mut self, roots: &[u128]) -> Ticket {
        self.accept_after(roots, None)
    }

    fn accept_after(&mut self, roots: &[u128], after: Option<Ticket>) -> Ticket {
        self.sequencer.accept(roots.iter().copied().map(root).collect(), (), after)
    }

    /// The next step, in words; none is `-`.
    fn next(&mut self) -> String {
        match self.sequencer.next_step() {
            None => "-".to_owned(),
            Some(Step::Decide(ticket)) => format!("decide {ticket}"),
            Some(Step::Commit(batch)) => format!("commit {}", batch.len()),
            Some(Step::Answer(ticket, settled)) => {
                self.sequencer.finish(ticket);
                match settled {
                    Settled::Stands => format!("answer {ticket}"),
                    Settled::Conflict(_, count) => format!("answer {ticket}: conflict {count}"),
                    settled => format!("answer {ticket}: {settled:?}"),
                }
            }
            Some(Step::BackOff(ticket, count)) => format!("back off {ticket}, {count}"),
            Some(Step::Settle(ticket)) => format!("settle {ticket}"),
            Some(Step::TakeTurn(root)) => format!("take {}", number(&root)),
            Some(Step::KeepTurn(root)) => format!("keep {}", number(&root)),
            Some(Step::GiveBackTurn(turn)) => {
                drop(turn);
                "give back".to_owned()
            }
        }
    }

    /// Steps that come one after the other.
    #[track_caller]
    fn expect(&mut self, steps: &[&str]) {
        let found: Vec<String> = steps.iter().map(|_| self.next()).collect();
        assert_eq!(found, steps);
    }

    /// All pending steps.
    fn all_steps(&mut self) -> Vec<String> {
        let step = |world: &mut Self| Some(world.next()).filter(|step| step != "-");
        std::iter::from_fn(|| step(self)).collect()
    }

    /// A decision on the newest heads of some roots, which changes others.
    fn decision(&mut self, reads: &[u128], writes: &[u128]) -> Decision {
        let heads = &mut self.sequencer.heads;
        let reads: Few<Arc<Head>> = reads
            .iter()
            .map(|number| {
                let known = heads.newest(&root(*number));
                known.unwrap_or_else(|| {
                    heads.offer(Arc::new(Head::loaded(root(*number), Some(row(*number, 1, 2)))))
                })
            })
            .collect();
        let written = reads.iter().filter(|read| writes.contains(&number(&read.root)));
        let writes = written
            .map(|read| {
                let next = row(number(&read.root), read.version() + 1, 2);
                Arc::new(Head::in_work(read.root.clone(), Some(next)))
            })
            .collect();
        Decision { reads, writes, unit: unit() }
    }

    /// Decides a command that changes all roots that it reads.
    fn decide(&mut self, ticket: Ticket, roots: &[u128]) -> bool {
        let decision = self.decision(roots, roots);
        self.sequencer.decided(ticket, decision)
    }

    fn land(&mut self, fates: Vec<Fate>) {
        self.sequencer.landed(fates);
    }

    /// The store gives the turn of a root, which somebody else has left at a version.
    fn give(&mut self, number: u128, version: u64) {
        let turn = self.turn.take().unwrap_or_else(|| StoreTurn::new(()));
        self.sequencer.turn_taken(&root(number), Some((turn, Some(row(number, version, 2)))));
    }
}

fn number(root: &AggregateRoot) -> u128 {
    root.identifier.as_u128()
}

fn stored() -> Fate {
    Fate::Committed { first: 1, contested: Vec::new() }
}

/// It is stored, and others want the turn of a root of it.
fn contested(number: u128) -> Fate {
    Fate::Committed { first: 1, contested: vec![root(number)] }
}

fn stale(number: u128, version: u64) -> Fate {
    Fate::Stale { root: root(number), stored: Some(Box::new(row(number, version, 2))) }
}

#[test]
fn commands_of_a_root_are_decided_one_after_the_other_and_ride_in_one_batch() {
    let mut world = World::new();
    for _ in 0..3 {
        world.accept(&[1]);
    }
    for ticket in 0..3 {
        assert_eq!(world.next(), format!("decide {ticket}"));
        assert!(world.decide(ticket, &[1]));
        assert_eq!(world.sequencer.queue_depth(), usize::try_from(ticket).unwrap() + 1);
    }
    world.expect(&["commit 3", "-"]);
    assert_eq!(world.sequencer.queue_depth(), 0);
    assert!(!world.sequencer.has_step());
    world.land(vec![stored(), stored(), stored()]);
    assert!(world.sequencer.has_step());
    world.expect(&["answer 0", "answer 1", "answer 2", "-"]);
    assert!(world.sequencer.is_idle());
}

#[test]
fn what_stands_on_a_fallen_unit_falls_and_what_does_not_goes_its_way() {
    let mut world = World::new();
    for number in [1, 2, 1, 2] {
        world.accept(&[number]);
    }
    world.expect(&["decide 0", "decide 1"]);
    assert!(world.decide(0, &[1]) && world.decide(1, &[2]));
    world.expect(&["decide 2", "decide 3", "commit 2"]);
    assert!(world.decide(2, &[1]) && world.decide(3, &[2]));
    world.land(vec![stale(1, 7), stored()]);
    // What is decided again goes by its old order.
    world.expect(&["answer 1", "back off 0, 1", "commit 1", "-"]);
    world.sequencer.resume(0);
    world.expect(&["decide 0", "-"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["decide 2"]);
    assert!(world.decide(2, &[1]));
    world.land(vec![stored()]);
    world.expect(&["answer 3", "commit 2"]);
    world.land(vec![stored(), stored()]);
    world.expect(&["answer 0", "answer 2", "-"]);
}

#[test]
fn a_command_ends_at_its_last_conflict() {
    let mut world = World::new();
    world.accept(&[1]);
    for (version, then) in [(5, "back off 0, 1"), (6, "answer 0: conflict 2")] {
        world.expect(&["decide 0"]);
        assert!(world.decide(0, &[1]));
        world.expect(&["commit 1"]);
        world.land(vec![stale(1, version)]);
        world.expect(&[then]);
        world.sequencer.resume(0);
    }
    world.expect(&["-"]);
}

#[test]
fn a_command_of_a_stream_comes_after_the_one_before_it() {
    let mut world = World::new();
    let first = world.accept(&[1]);
    world.accept_after(&[2], Some(first));
    world.expect(&["decide 0", "-"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["decide 1", "commit 1"]);
    assert!(world.decide(1, &[2]));
    // It is decided, and the one before it is to be decided again.
    world.accept_after(&[3], Some(1));
    world.expect(&["decide 2"]);
    world.land(vec![stale(1, 4)]);
    world.expect(&["back off 0, 1", "commit 1"]);
    assert!(world.decide(2, &[3]), "the one before it is decided");
}

#[test]
fn a_group_keeps_older_and_younger_commands_out_until_it_is_admitted() {
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
fn a_group_that_waits_itself_keeps_younger_commands_out_alone() {
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
fn a_command_of_one_root_keeps_nobody_out() {
    let mut world = World::new();
    world.accept(&[1]);
    world.accept(&[2]);
    world.expect(&["decide 0", "decide 1"]);
    let decision = world.decision(&[1], &[1]);
    assert!(world.decide(1, &[2, 1]));
    assert!(!world.sequencer.decided(0, decision), "what it has read is not the newest");
    world.expect(&["decide 0", "commit 1"]);
}

#[test]
fn who_has_lost_three_times_takes_the_turns_of_all_its_roots() {
    let mut world = World::new();
    world.accept(&[3]);
    world.expect(&["decide 0"]);
    for other in 1..=3 {
        let decision = world.decision(&[3, 1], &[3, 1]);
        world.accept(&[1]);
        assert_eq!(world.next(), format!("decide {other}"));
        assert!(world.decide(other, &[1]));
        assert!(!world.sequencer.decided(0, decision));
        assert_eq!(world.next(), "decide 0");
    }
    world.accept(&[1]);
    world.expect(&["commit 3", "-"]);
    assert!(world.decide(0, &[3, 1]));
    world.expect(&["decide 4"]);
}

#[test]
fn who_was_kept_out_three_times_goes_before_younger_groups() {
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
    assert!(!world.decide(3, &[1, 2]), "an older command waits for its turns now");
    world.expect(&["decide 0", "commit 2", "-"]);
    assert!(world.decide(0, &[3, 1]));
    world.expect(&["decide 3"]);
}

#[test]
fn who_waits_for_a_turn_again_is_decided_before_the_younger_one_that_has_it() {
    let mut world = World::new();
    world.accept(&[1]);
    world.accept(&[1]);
    world.expect(&["decide 0"]);
    // A refusal: it changes nothing, and was decided on another root too.
    let refused = world.decision(&[1, 2], &[]);
    assert!(world.sequencer.decided(0, refused));
    world.expect(&["decide 1", "commit 1"]);
    let decision = world.decision(&[1], &[1]);
    world.land(vec![stale(2, 5)]);
    assert!(!world.sequencer.decided(1, decision), "nothing that it has read has changed");
    world.expect(&["back off 0, 1", "-"]);
    world.sequencer.resume(0);
    world.expect(&["decide 0"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["decide 1"]);
}

#[test]
fn who_has_read_what_fell_waits_for_the_command_that_fell() {
    let mut world = World::new();
    world.accept(&[1]);
    world.accept(&[2]);
    world.expect(&["decide 0", "decide 1"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["commit 1"]);
    let decision = world.decision(&[2, 1], &[2]);
    world.land(vec![stale(1, 5)]);
    assert!(!world.sequencer.decided(1, decision));
    world.expect(&["back off 0, 1", "-"]);
    world.sequencer.resume(0);
    world.expect(&["decide 0", "-"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["decide 1"]);
}

#[test]
fn nobody_waits_for_what_is_admitted() {
    let mut world = World::new();
    world.accept(&[1]);
    world.accept(&[1]);
    world.accept(&[2]);
    world.expect(&["decide 0"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["decide 2", "decide 1"]);
    let decision = world.decision(&[1], &[1]);
    assert!(world.decide(2, &[2, 1]));
    assert!(!world.sequencer.decided(1, decision));
    world.expect(&["decide 1", "commit 2"]);
}

/// A world in which another process has, or wants, the turn of root 1.
fn with_turn_asked() -> World {
    let mut world = World::new();
    world.accept(&[1]);
    world.expect(&["decide 0"]);
    assert!(world.decide(0, &[1]));
    world.expect(&["commit 1"]);
    world.land(vec![contested(1)]);
    world.expect(&["take 1", "answer 0", "-"]);
    world
}

#[test]
fn where_another_process_has_the_turn_of_a_root_its_commands_wait_and_others_do_not() {
    let mut world = with_turn_asked();
    world.accept(&[1]);
    world.accept(&[2]);
    world.accept(&[3]);
    world.expect(&["decide 2", "decide 3", "-"]);
    assert!(world.decide(2, &[2]), "it has nothing to do with the turn");
    assert!(!world.decide(3, &[3, 1]), "it has read what is not decided on now");
    world.expect(&["commit 1", "-"]);
    world.give(1, 9);
    world.expect(&["keep 1", "decide 1", "decide 3"]);
    assert!(world.decide(1, &[1]) && world.decide(3, &[3, 1]));
    assert_eq!(world.sequencer.heads.newest(&root(1)).unwrap().version(), 11);
}

#[test]
fn a_turn_with_nothing_to_do_is_given_back_when_it_is_looked_at() {
    let mut world = with_turn_asked();
    world.give(1, 9);
    world.expect(&["keep 1", "-"]);
    world.sequencer.look_at_turn(&root(1));
    world.expect(&["give back", "-"]);
    world.accept(&[1]);
    world.expect(&["decide 1", "-"]);
}

#[test]
fn a_turn_with_something_to_do_is_up_after_ten_looks_and_given_back_when_that_has_landed() {
    let mut world = with_turn_asked();
    world.accept(&[1]);
    world.give(1, 9);
    world.expect(&["keep 1", "decide 1"]);
    for _ in 0..9 {
        world.sequencer.look_at_turn(&root(1));
        world.expect(&["keep 1", "-"]);
    }
    world.sequencer.look_at_turn(&root(1));
    world.accept(&[1]);
    world.expect(&["-"]);
    assert!(world.decide(1, &[1]));
    world.expect(&["commit 1", "-"]);
    world.land(vec![stored()]);
    world.expect(&["answer 1", "give back", "take 1", "-"]);
    world.give(1, 10);
    world.expect(&["keep 1", "decide 2"]);
}

#[test]
fn no_turn_is_taken_any_more_where_twice_nobody_else_had_changed_the_root() {
    let mut world = with_turn_asked();
    world.accept(&[1]);
    for ticket in 1..=2 {
        let version = world.sequencer.heads.newest(&root(1)).unwrap().version();
        world.give(1, version);
        world.expect(&["keep 1"]);
        assert_eq!(world.next(), format!("decide {ticket}"));
        for _ in 0..10 {
            world.sequencer.look_at_turn(&root(1));
        }
        world.expect(&["keep 1"; 9]);
        // It waits for the next turn.
        world.accept(&[1]);
        assert!(world.decide(ticket, &[1]));
        world.expect(&["commit 1", "-"]);
        world.land(vec![stored()]);
        assert_eq!(world.next(), format!("answer {ticket}"));
        world.expect(&["give back", if ticket == 1 { "take 1" } else { "decide 3" }, "-"]);
    }
}

/// Returns the steps after a lost command has begun to wait for the lease of an earlier root, and
/// the time of the later one is over.
fn steps_of_a_lost_command(mut world: World) -> Vec<String> {
    // A group of two roots, of which only the later one is contended at first.
    world.accept(&[9]);
    world.expect(&["decide 0"]);
    assert!(world.decide(0, &[9]));
    world.expect(&["commit 1"]);
    world.land(vec![contested(9)]);
    world.expect(&["take 9", "answer 0", "-"]);
    world.accept(&[1, 9]);
    world.give(9, 5);
    world.expect(&["keep 9", "decide 1", "-"]);
    let decision = world.decision(&[1, 9, 4], &[1, 9]);
    // Meanwhile the earlier root becomes contended, and the state that the group has read changes.
    world.accept(&[5]);
    world.expect(&["decide 2"]);
    assert!(world.decide(2, &[5, 4]));
    world.expect(&["commit 1"]);
    world.land(vec![contested(1)]);
    world.expect(&["take 1", "answer 2", "-"]);
    assert!(!world.sequencer.decided(1, decision), "what it has read is not the newest");
    for _ in 0..10 {
        world.sequencer.look_at_turn(&root(9));
    }
    let steps = world.all_steps();
    world.give(1, 3);
    world.expect(&["keep 1"]);
    steps
}

#[test]
fn a_lost_command_gives_later_leases_back_before_it_waits() {
    let steps = steps_of_a_lost_command(World::new());
    assert!(steps.contains(&"give back".to_owned()), "{steps:?}");
}

#[test]
#[cfg(feature = "testing")]
fn a_lost_command_that_keeps_later_leases_is_found() {
    let mut world = World::new();
    world.sequencer.limits.planted = Some(crate::testing::Planted::KeepLaterTurns);
    let steps = steps_of_a_lost_command(world);
    assert!(!steps.contains(&"give back".to_owned()), "{steps:?}");
}
