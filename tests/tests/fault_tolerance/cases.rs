//! Which claims are made of which stores. A further store is one more module here.

use crate::backend::{MemoryBackend, SqliteBackend};
use crate::checks;
use crate::postgres_backend::{DurablePostgres, FastPostgres};
use crate::processes::ProcessKind;
use fluvius_tests::faulty_store::StoreMutant;

/// What holds of several runtimes over one content.
macro_rules! over_runtimes {
    ($backend:ty, histories: $histories:literal, seeds: $seeds:literal) => {
        mod runtimes {
            use super::*;

            const KIND: ProcessKind = ProcessKind::Runtimes;

            #[test]
            fn the_bank_holds_while_runtimes_are_dropped() {
                checks::bank::<$backend>(concat!(module_path!(), "::the_bank_holds"), KIND);
            }

            #[test]
            fn histories_are_linearizable() {
                let test = concat!(module_path!(), "::histories_are_linearizable");
                checks::histories::<$backend>(test, KIND, $histories);
            }

            #[test]
            fn a_write_skew_is_found_in_the_bank() {
                let mutant = StoreMutant::SkipReadCheck;
                checks::bank_finds::<$backend>(module_path!(), KIND, mutant, "a write skew");
            }

            #[test]
            fn a_snapshot_in_parts_is_found_in_the_bank() {
                let mutant = StoreMutant::SplitSnapshot;
                checks::bank_finds::<$backend>(
                    module_path!(),
                    KIND,
                    mutant,
                    "a snapshot shows no moment",
                );
            }

            #[test]
            fn no_version_predicate_is_found_by_histories() {
                let test = module_path!();
                checks::histories_find::<$backend>(
                    test,
                    KIND,
                    StoreMutant::SkipVersionCheck,
                    $seeds,
                );
            }

            #[test]
            fn an_answer_before_the_commit_is_found_by_histories() {
                let test = module_path!();
                checks::histories_find::<$backend>(
                    test,
                    KIND,
                    StoreMutant::AnswerBeforeCommit,
                    $seeds,
                );
            }

            #[test]
            fn a_cached_read_is_found_by_histories() {
                checks::histories_find::<$backend>(
                    module_path!(),
                    KIND,
                    StoreMutant::CacheReads,
                    $seeds,
                );
            }
        }
    };
}

/// What holds of several processes over one content, and of one that is opened again.
macro_rules! over_processes {
    ($backend:ty, kills: $kills:literal, histories: $histories:literal) => {
        mod processes {
            use super::*;

            const KIND: ProcessKind = ProcessKind::Processes;

            #[test]
            fn nothing_that_was_answered_is_lost_or_applied_twice_by_kills() {
                let test = concat!(module_path!(), "::nothing_that_was_answered");
                checks::kills::<$backend>(test, $kills);
            }

            #[test]
            fn an_answer_before_the_commit_is_found_by_kills() {
                let mutant = StoreMutant::AnswerBeforeCommit;
                checks::kills_find::<$backend>(Some(mutant), &["is not in the log"]);
            }

            #[test]
            fn a_dropped_event_is_found_by_kills() {
                let mutant = StoreMutant::DropEvent;
                checks::kills_find::<$backend>(Some(mutant), &["deposits less withdrawals"]);
            }

            #[test]
            fn a_unit_in_two_transactions_is_found_by_kills() {
                let mutant = StoreMutant::SplitTransaction;
                checks::kills_find::<$backend>(Some(mutant), &["deposits less withdrawals"]);
            }

            #[test]
            fn a_command_that_is_applied_twice_is_found_by_kills() {
                checks::kills_find::<$backend>(Some(StoreMutant::ApplyTwice), &["two answers"]);
            }

            #[test]
            fn the_bank_holds_while_processes_are_killed() {
                checks::bank::<$backend>(concat!(module_path!(), "::the_bank_holds"), KIND);
            }

            #[test]
            fn histories_are_linearizable() {
                let test = concat!(module_path!(), "::histories_are_linearizable");
                checks::histories::<$backend>(test, KIND, $histories);
            }
        }
    };
}

mod memory {
    use super::*;

    over_runtimes!(MemoryBackend, histories: 200, seeds: 2);
}

mod sqlite {
    use super::*;

    over_runtimes!(SqliteBackend, histories: 10, seeds: 2);
    over_processes!(SqliteBackend, kills: 20, histories: 3);
}

mod postgres {
    use super::*;

    over_runtimes!(DurablePostgres, histories: 2, seeds: 1);
    over_processes!(DurablePostgres, kills: 20, histories: 2);

    #[test]
    fn what_a_crash_of_the_server_takes_is_found_by_kills() {
        // A process that goes on is told that the server has lost commits.
        let breaks = ["is not in the log", "has met Failed { code: \"store\" }"];
        checks::kills_find::<FastPostgres>(None, &breaks);
    }
}
