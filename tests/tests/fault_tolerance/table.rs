//! Which claims are made of which stores. A further store is one more module here.

use crate::altered::Mutant;
use crate::claims;
use crate::hosts::Kind;
use crate::places::{InFile, InMemory};
use crate::server::{OnHastyServer, OnServer};

/// What holds of several runtimes over one content.
macro_rules! over_runtimes {
    ($place:ty, histories: $histories:literal, seeds: $seeds:literal) => {
        mod runtimes {
            use super::*;

            const KIND: Kind = Kind::Runtimes;

            #[test]
            fn the_bank_holds_while_runtimes_are_dropped() {
                claims::bank::<$place>(concat!(module_path!(), "::the_bank_holds"), KIND);
            }

            #[test]
            fn histories_are_linearizable() {
                let test = concat!(module_path!(), "::histories_are_linearizable");
                claims::histories::<$place>(test, KIND, $histories);
            }

            #[test]
            fn a_write_skew_is_found_in_the_bank() {
                let mutant = Mutant::ReadAggregatesUnchecked;
                claims::bank_finds::<$place>(module_path!(), KIND, mutant, "a write skew");
            }

            #[test]
            fn a_snapshot_in_parts_is_found_in_the_bank() {
                let mutant = Mutant::SnapshotInParts;
                claims::bank_finds::<$place>(
                    module_path!(),
                    KIND,
                    mutant,
                    "a snapshot shows no moment",
                );
            }

            #[test]
            fn no_version_predicate_is_found_by_histories() {
                let test = module_path!();
                claims::histories_find::<$place>(test, KIND, Mutant::NoVersionPredicate, $seeds);
            }

            #[test]
            fn an_answer_before_the_commit_is_found_by_histories() {
                let test = module_path!();
                claims::histories_find::<$place>(test, KIND, Mutant::AnswerBeforeCommit, $seeds);
            }

            #[test]
            fn a_cached_read_is_found_by_histories() {
                claims::histories_find::<$place>(module_path!(), KIND, Mutant::CachedRead, $seeds);
            }
        }
    };
}

/// What holds of several processes over one content, and of one that is opened again.
macro_rules! over_processes {
    ($place:ty, kills: $kills:literal, histories: $histories:literal) => {
        mod processes {
            use super::*;

            const KIND: Kind = Kind::Processes;

            #[test]
            fn nothing_that_was_answered_is_lost_or_applied_twice_by_kills() {
                let test = concat!(module_path!(), "::nothing_that_was_answered");
                claims::kills::<$place>(test, $kills);
            }

            #[test]
            fn an_answer_before_the_commit_is_found_by_kills() {
                let mutant = Mutant::AnswerBeforeCommit;
                claims::kills_find::<$place>(Some(mutant), &["is not in the log"]);
            }

            #[test]
            fn a_dropped_event_is_found_by_kills() {
                let mutant = Mutant::DropsAnEvent;
                claims::kills_find::<$place>(Some(mutant), &["deposits less withdrawals"]);
            }

            #[test]
            fn a_unit_in_two_transactions_is_found_by_kills() {
                let mutant = Mutant::TwoTransactions;
                claims::kills_find::<$place>(Some(mutant), &["deposits less withdrawals"]);
            }

            #[test]
            fn a_command_that_is_applied_twice_is_found_by_kills() {
                claims::kills_find::<$place>(Some(Mutant::AppliesTwice), &["two answers"]);
            }

            #[test]
            fn the_bank_holds_while_processes_are_killed() {
                claims::bank::<$place>(concat!(module_path!(), "::the_bank_holds"), KIND);
            }

            #[test]
            fn histories_are_linearizable() {
                let test = concat!(module_path!(), "::histories_are_linearizable");
                claims::histories::<$place>(test, KIND, $histories);
            }
        }
    };
}

mod memory {
    use super::*;

    over_runtimes!(InMemory, histories: 200, seeds: 2);
}

mod sqlite {
    use super::*;

    over_runtimes!(InFile, histories: 10, seeds: 2);
    over_processes!(InFile, kills: 20, histories: 3);
}

mod postgres {
    use super::*;

    over_runtimes!(OnServer, histories: 2, seeds: 1);
    over_processes!(OnServer, kills: 20, histories: 2);

    #[test]
    fn what_a_crash_of_the_server_takes_is_found_by_kills() {
        // A process that goes on is told that the server has lost commits.
        let breaks = ["is not in the log", "has met Failed { code: \"store\" }"];
        claims::kills_find::<OnHastyServer>(None, &breaks);
    }
}
