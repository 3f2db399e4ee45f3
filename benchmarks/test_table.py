#!/usr/bin/env python3
"""Tests of the tables and verdicts: ./test_table.py"""

import contextlib
import io
import json
import tempfile
import unittest
from unittest.mock import patch

import gates
import measure
import table


def race(gate, *values, failed=()):
    """Yields the lines of a gate of two sides. In each round the first side is `value` times as
    fast as the second."""
    name = gates.race_of(gate.sides)
    for index, value in enumerate(values):
        for side, rate in enumerate((value * 1000.0, 1000.0)):
            line = {"race": name, "round": index, "side": side, "cmds_per_s": rate,
                    "cpu_us_per_cmd": 1.0}
            yield line | ({"failed": "planted"} if (index, side) in failed else {})


def case(system, rate, **more):
    return {"system": system, "store": "memory", "sync": "-", "n": 1, "clients": 1,
            "cmds_per_s": rate, "min_per_s": rate, "max_per_s": rate, "p50_us": 1.0,
            "p99_us": 2.0} | more


def printed(*lines):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
        file.flush()
        out = io.StringIO()
        with contextlib.redirect_stdout(out), patch("sys.argv", ["table.py", file.name]):
            table.main()
        return out.getvalue()


def row(text, start):
    return next(line for line in text.splitlines() if line.startswith(f"| {start}"))


class TableTest(unittest.TestCase):
    typed = [gate for gate in gates.gates() if gate.group.endswith("1 account")]
    scaling = next(gate for gate in gates.gates() if gate.name == "64 tasks / 1 task, 1 account")

    def check(self, values, verdict):
        text = row(printed(*race(self.scaling, *values)), self.scaling.name)
        self.assertIn(f"| {verdict} |", text)

    def test_a_gate_that_all_rounds_pass_holds(self):
        self.check((0.7, 0.8, 0.9), "holds")

    def test_a_gate_that_all_rounds_miss_fails(self):
        self.check((0.5, 0.6, 0.69), "**fails**")

    def test_a_spread_with_the_bound_in_it_is_undecided(self):
        self.check((0.69, 0.9, 0.9, 0.9, 0.9), "undecided (4 of 5 hold)")

    def test_median_quartiles_and_ends_are_those_of_the_ratios(self):
        text = row(printed(*race(self.scaling, 5.0, 1.0, 4.0, 2.0, 3.0)), self.scaling.name)
        self.assertIn("| 3.00 × | 2.00 – 4.00 | 1.00 – 5.00 | 5 |", text)

    def test_a_round_with_a_failed_side_is_left_out(self):
        text = printed(*race(self.scaling, 0.8, 9.0, failed={(1, 1)}))
        self.assertIn("| 0.80 × | 0.80 – 0.80 | 0.80 – 0.80 | 1 |", row(text, self.scaling.name))
        self.assertIn("## Failed", text)

    def test_the_sides_of_the_server_are_of_all_stores(self):
        sides = [side for gate in gates.http_gates() for side in gate.sides]
        self.assertEqual({side.store for side in sides}, {"memory", "sqlite", "postgres"})
        self.assertEqual({side.package for side in sides}, {"http"})
        # The rounds take minutes, so they are no part of the other gates.
        self.assertNotIn("http", gates.packages(["memory", "sqlite", "postgres"]))

    def test_the_gates_of_the_server_compare_rates_and_processor_times(self):
        gate, cost = [gate for gate in gates.http_gates() if "SQLite" in gate.name][:2]
        sides = [{"cmds_per_s": 7000.0, "cpu_us_per_cmd": 75.0}, {"cmds_per_s": 2000.0},
                 {"cpu_us_per_cmd": 50.0}, {"cpu_us_per_cmd": 60.0}]
        of_race = [{"race": gates.race_of(gate.sides), "round": 0, "side": number} | line
                   for number, line in enumerate(sides)]
        text = printed(*of_race)
        self.assertIn("| ≥ 3.00 | holds | 3.50 × |", row(text, gate.name))
        self.assertIn("| ≤ 2.00 | holds | 1.50 × |", row(text, cost.name))
        # A side whose sums are wrong takes its round away.
        of_race[1]["failed"] = "5 accounts differ"
        self.assertNotIn(gate.name, printed(*of_race).replace("## Failed", ""))

    def test_a_side_knows_its_store(self):
        stores = {side.store for gate in gates.gates() for side in gate.sides}
        self.assertEqual(stores, {"memory", "sqlite", "postgres", None})
        for name, store in (("cqrs-es/sqlite-es/sqlite/FULL", "sqlite"),
                            ("fluvius/sqlite(whole log)/FULL", "sqlite"),
                            ("fluvius/memory(1 ms a commit)/hot-slow", "memory"),
                            ("load/fluvius/sqlite", "sqlite"),
                            ("processes/fluvius/sqlite/own-accounts/2", "sqlite"),
                            ("by-hand/postgres(statements)/on", "postgres"),
                            ("processes/fluvius/postgres/1-account/2", "postgres"),
                            ("limit/json_command_parse", None)):
            self.assertEqual(gates.Side("p-fluvius", name).store, store, name)

    def test_gates_of_one_race_compare_the_sides_that_they_name(self):
        start = "SQLite FULL, 64 clients, 1 account: "
        sides = next(gate for gate in gates.gates() if gate.name.startswith(start)).sides
        rates, p99s = (50_000.0, 100_000.0, 125_000.0), (9_000.0, 2_000.0, 1_000.0)
        lines = [{"race": gates.race_of(sides), "round": 0, "side": side, "cmds_per_s": rate,
                  "p99_us": p99}
                 for side, (rate, p99) in enumerate(zip(rates, p99s))]
        text = printed(*lines)
        for gate, verdict in (("fluvius / our schema by hand | ≥ 0.80", "**fails** | 0.50 ×"),
                              ("our schema by hand / the harness's grouped writer | ≥ 0.60",
                               "holds | 0.80 ×"),
                              ("p99 | ≤ 10.0", "holds | 9.00 ms"),
                              ("p99 / that of our schema by hand | ≤ 3.00", "**fails** | 4.50 ×")):
            self.assertIn(verdict, row(text, f"{start}{gate}"))
        raced = row(text[text.index("### Interleaved"):], f"{start}our schema by hand /")
        self.assertIn("| 100,000/s | 125,000/s |", raced)

    def test_of_two_ways_by_hand_the_faster_is_the_measure(self):
        start = "PostgreSQL, 64 clients, 1 account: "
        gate = next(gate for gate in gates.gates()
                    if gate.group.startswith(f"{start}fluvius / our"))
        lines = [{"race": gates.race_of(gate.sides), "round": 0, "side": side, "cmds_per_s": rate,
                  "p50_us": 1.0, "p99_us": 1.0, "mean_batch": 30.0}
                 for side, rate in enumerate((15_000.0, 16_000.0, 20_000.0, 50_000.0))]
        text = printed(*lines)
        self.assertIn(": by statements | ≥ 0.80 | **fails** | 0.75 ×",
                      row(text, f"{start}fluvius / our schema by hand"))
        self.assertIn("**fails** | 0.30 ×", row(text, f"{start}fluvius / the harness's batched"))
        self.assertIn("| ≥ 14,000 | holds | 15,000 commands/s |", row(text, f"{start}rate"))

    def test_processes_are_compared_with_one(self):
        two = "PostgreSQL, 2 processes on 1 hot account: "
        four = "PostgreSQL, 4 processes on 1 hot account: "
        gate = next(gate for gate in gates.gates() if gate.name.startswith(f"{two}all together"))
        figures = {"smallest_share": 40.0, "conflict": 0.0, "failed_otherwise": 0.0, "missing": 0.0,
                   "p99": 9.0, "slowest": 1_000.0, "mean_batch": 30.0, "stale_units": 0.0,
                   "calls": 1.0, "leases": 0.0, "client_cpu": 9.0, "server_cpu": 30.0}
        sides = ((9_000.0, {}), (3_000.0, {"conflict": 1.0, "slowest": 2_001.0}),
                 (1_000.0, {"missing": 1.0}))
        lines = [{"race": gates.race_of(gate.sides), "round": 0, "side": side, "kind": "processes",
                  "median": rate, "rate": rate} | figures | more
                 for side, (rate, more) in enumerate(sides)]
        text = printed(*lines)
        self.assertIn("**fails** | 0.33 ×", row(text, f"{two}all together"))
        self.assertIn("**fails** | 1.00 commands", row(text, f"{two}`conflict`"))
        self.assertIn("**fails** | 2,001 ms", row(text, f"{two}the slowest"))
        self.assertIn("| ≥ 25.0 | holds | 40.0 %", row(text, f"{two}the smallest share"))
        self.assertIn("holds", row(text, f"{four}`conflict`"))
        self.assertIn("**fails**", row(text, f"{four}rounds with a sum"))
        raced = row(text[text.index("### Interleaved"):], f"{two}all together")
        self.assertIn("| 3,000/s | 9,000/s |", raced)

    def test_only_what_the_gates_of_a_store_need_is_built(self):
        self.assertEqual(gates.packages(["postgres"]),
                         ["limits", "p-cqrs-es", "p-distributed", "p-esrs", "p-fluvius"])

    def test_pgbench_is_skipped_with_a_line_if_it_is_not_installed(self):
        sides = {side for gate in gates.gates() for side in gate.sides
                 if side.package == gates.PGBENCH}
        self.assertEqual(len(sides), 1)
        server = {"BENCH_PG_URL": "postgres://127.0.0.1:1/none", "BENCH_STORES": "postgres"}
        for program, can_run in ((None, False), ("/bin/pgbench", True)):
            told = io.StringIO()
            with patch.dict("os.environ", server), contextlib.redirect_stderr(told), \
                    patch("measure.pgbench_program", lambda found=program: found):
                self.assertEqual(measure.can_run(*sides), can_run)
            self.assertEqual("not installed" in told.getvalue(), not can_run)
        with patch.dict("os.environ", server | {"BENCH_STORES": "sqlite"}):
            self.assertFalse(measure.can_run(*sides))

    def test_a_start_or_a_memory_twice_as_large_as_usual_fails(self):
        # The figures of a quiet machine.
        usual = {"SQLite, start with many events: to the first": {"first_command": 3.6},
                 "SQLite, start, to the first": {"first_command": 3.6,
                                                 "first_command_with_few_events": 3.6},
                 "SQLite, memory of a program: at rest": {"at_rest": 11.2},
                 "SQLite, memory of a program: after": {"after_load": 34.2},
                 "memory of a cached aggregate": {"cached_aggregate": 848.0},
                 "memory of a full cache": {"full_cache": 85.0},
                 "PostgreSQL, memory of a program: at rest": {"at_rest": 13.0}}
        for start, line in usual.items():
            gate = next(gate for gate in gates.gates() if gate.name.startswith(start))
            self.assertEqual(gates.verdict(gate, [gate.value(line)]).text, "holds", start)
            first, *others = line
            worse = {first: 2 * line[first]} | {name: line[name] for name in others}
            self.assertEqual(gates.verdict(gate, [gate.value(worse)]).text, "**fails**", start)

    def test_figures_of_a_side_are_judged_by_their_names(self):
        start = "SQLite, load of a root"
        gate = next(gate for gate in gates.gates() if gate.name.startswith(start))
        lines = [{"race": gates.race_of(gate.sides), "round": index, "side": 0, "kind": "load",
                  "median": 7.0, "10_events": 10.0, "100000_events": many, "fetch_at": 80.0,
                  "changes_read": 64.0}
                 for index, many in enumerate((11.0, 12.0, 14.0))]
        text = printed(*lines)
        self.assertIn("undecided (2 of 3 hold)", row(text, gate.name))
        self.assertIn("holds | 64.0 changes", row(text, "SQLite, `fetch_at`: changes"))

    def test_of_the_peers_the_one_that_is_hardest_to_beat_counts(self):
        lines = [line for gate, ratio in zip(self.typed, (3.0, 2.0, 0.9, 4.0, 5.0))
                 for line in race(gate, ratio, ratio)]
        text = row(printed(*lines), "typed / the fastest peer")
        self.assertIn(f": {self.typed[2].peer} | ≥ 1.00 (aim 1.50) | **fails** | 0.90 ×", text)

    def test_by_key_is_judged_by_what_it_adds_in_parses(self):
        start = "by key - typed, in parses of the harness's"
        gate = next(gate for gate in gates.gates() if gate.name.startswith(start))
        # 2,500 ns by key, 2,000 ns typed, 250 ns per parse: two parses.
        lines = ({"cmds_per_s": 400_000.0}, {"cmds_per_s": 500_000.0}, {"median": 250.0},
                 {"median": 50.0})
        self.assertAlmostEqual(gate.value(*lines), 2.0)
        self.assertEqual(gates.verdict(gate, [2.0, 3.0]).text, "holds")
        self.assertEqual(gates.verdict(gate, [3.1]).text, "**fails**")

    def test_a_wrong_balance_and_a_cut_round_are_shown(self):
        text = printed(case("a", 10.0, verified=False),
                       case("b", 10.0, verified=True, capped=True))
        self.assertIn("**wrong balance**", row(text, "a"))
        self.assertNotIn("**wrong balance**", row(text, "b"))
        self.assertIn("(cut)", row(text, "b"))

    def test_a_failed_case_is_listed(self):
        self.assertIn("## Failed", printed({"package": "p-none", "failed": "build"}))

    def test_ratios_are_to_the_limit_of_the_same_case(self):
        text = printed(case("raw-mutex-hashmap", 200.0), case("a", 50.0))
        self.assertIn("50.0/s ×0.25", row(text, "a"))


if __name__ == "__main__":
    unittest.main()
