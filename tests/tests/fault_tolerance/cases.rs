//! The test cases of each store. A further store needs one more module here.

use crate::backend::{MemoryBackend, SqliteBackend};
use crate::checks;
use crate::http_client::ClientMutant;
use crate::postgres_backend::{DurablePostgres, FastPostgres};
use crate::processes::ProcessKind;
use crate::subscribers::SubscriberMutant;
use fluvius_tests::faulty_store::StoreMutant;

/// Cases with several runtimes over one content.
macro_rules! over_runtimes {
    ($backend:ty, histories: $histories:literal, seeds: $seeds:literal) => {
        mod runtimes {
            use super::*;

            const KIND: ProcessKind = ProcessKind::Runtimes;

            #[test]
            fn the_bank_is_consistent_while_runtimes_are_dropped() {
                checks::bank::<$backend>(concat!(module_path!(), "::the_bank_is_consistent"), KIND);
            }

            #[test]
            fn histories_are_linearizable() {
                let test = concat!(module_path!(), "::histories_are_linearizable");
                checks::histories::<$backend>(test, KIND, $histories);
            }

            #[test]
            fn the_bank_finds_a_write_skew() {
                let mutant = StoreMutant::SkipReadCheck;
                checks::bank_finds::<$backend>(module_path!(), KIND, mutant, "a write skew");
            }

            #[test]
            fn the_bank_finds_a_split_snapshot() {
                let mutant = StoreMutant::SplitSnapshot;
                checks::bank_finds::<$backend>(
                    module_path!(),
                    KIND,
                    mutant,
                    "a snapshot is inconsistent",
                );
            }

            #[test]
            fn histories_find_a_missing_version_check() {
                let test = module_path!();
                checks::histories_find::<$backend>(
                    test,
                    KIND,
                    StoreMutant::SkipVersionCheck,
                    $seeds,
                );
            }

            #[test]
            fn histories_find_an_answer_before_the_commit() {
                let test = module_path!();
                checks::histories_find::<$backend>(
                    test,
                    KIND,
                    StoreMutant::AnswerBeforeCommit,
                    $seeds,
                );
            }

            #[test]
            fn histories_find_a_cached_read() {
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

/// The invariants that a unit with lost rows breaks: the sum of the money, and the position of its
/// last row, which an answer has.
const LOST_ROWS: [&str; 2] = ["deposits less withdrawals", "two answers"];

/// Cases with several processes over one content, and with one that is opened again.
macro_rules! over_processes {
    ($backend:ty, kills: $kills:literal, histories: $histories:literal) => {
        mod processes {
            use super::*;

            const KIND: ProcessKind = ProcessKind::Processes;

            #[test]
            fn kills_lose_no_answer_and_apply_none_twice() {
                let test = concat!(module_path!(), "::kills_lose_no_answer");
                checks::kills::<$backend>(test, $kills);
            }

            #[test]
            fn killed_subscribers_skip_no_event() {
                let test = concat!(module_path!(), "::killed_subscribers_skip_no_event");
                checks::subscribers::<$backend>(test, $kills);
            }

            #[test]
            fn kills_find_an_answer_before_the_commit() {
                let mutant = StoreMutant::AnswerBeforeCommit;
                checks::kills_find::<$backend>(Some(mutant), &["is not in the log"]);
            }

            #[test]
            fn kills_find_a_dropped_event() {
                let mutant = StoreMutant::DropEvent;
                checks::kills_find::<$backend>(Some(mutant), &LOST_ROWS);
            }

            #[test]
            fn kills_find_a_split_transaction() {
                let mutant = StoreMutant::SplitTransaction;
                checks::kills_find::<$backend>(Some(mutant), &LOST_ROWS);
            }

            #[test]
            fn kills_find_a_command_applied_twice() {
                checks::kills_find::<$backend>(Some(StoreMutant::ApplyTwice), &["two answers"]);
            }

            #[test]
            fn the_bank_is_consistent_while_processes_are_killed() {
                checks::bank::<$backend>(concat!(module_path!(), "::the_bank_is_consistent"), KIND);
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

    #[test]
    fn subscribers_find_skipped_events() {
        let breaks = "was delivered after version";
        checks::subscribers_find::<SqliteBackend>(SubscriberMutant::SkipsEvents, breaks);
    }

    #[test]
    fn subscribers_find_swapped_events() {
        let breaks = "was delivered after version";
        checks::subscribers_find::<SqliteBackend>(SubscriberMutant::SwapsEvents, breaks);
    }

    #[test]
    fn subscribers_find_forgotten_checkpoints() {
        let breaks = "the subscribers do not catch up";
        checks::subscribers_find::<SqliteBackend>(SubscriberMutant::ForgetsCheckpoints, breaks);
    }

    #[test]
    fn the_bank_is_consistent_while_servers_are_killed() {
        checks::http_bank::<SqliteBackend>(concat!(module_path!(), "::the_bank_is_consistent"));
    }

    #[test]
    fn the_bank_over_http_finds_a_retry_with_a_new_key() {
        let mutant = Some(ClientMutant::NewKey);
        checks::http_bank_finds::<SqliteBackend>(
            module_path!(),
            None,
            mutant,
            "which no client has sent",
        );
    }

    #[test]
    fn the_bank_over_http_finds_a_write_skew() {
        let mutant = Some(StoreMutant::SkipReadCheck);
        checks::http_bank_finds::<SqliteBackend>(module_path!(), mutant, None, "a write skew");
    }
}

mod postgres {
    use super::*;

    over_runtimes!(DurablePostgres, histories: 2, seeds: 1);
    over_processes!(DurablePostgres, kills: 20, histories: 2);

    #[test]
    fn the_bank_is_consistent_while_servers_are_killed() {
        checks::http_bank::<DurablePostgres>(concat!(module_path!(), "::the_bank_is_consistent"));
    }

    #[test]
    fn kills_find_commits_lost_by_a_server_crash() {
        // A process that survives the crash sees that the server has lost commits.
        let breaks = ["is not in the log", "has met Failed { code: \"store-error\" }"];
        checks::kills_find::<FastPostgres>(None, &breaks);
    }
}
