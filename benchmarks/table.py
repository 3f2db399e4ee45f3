#!/usr/bin/env python3
"""Makes Markdown tables from result files: ./table.py results/*.jsonl > FIGURES.md

The gates with their verdicts come first. One table per store follows, with a row per system, a
column per case, and ratios to the store's limit. The last tables have the figures other than the
cases of the workload. For the same case, lines of a later file replace those of an earlier one."""

import json
import sys
from pathlib import Path
from statistics import median

import gates

LIMITS = {
    "memory": "raw-mutex-hashmap",
    "sqlite FULL": "raw-rusqlite-group-commit",
    "sqlite NORMAL": "raw-rusqlite-group-commit",
    "postgres on": "raw-pg-begin-pipelined",
}
CASES = [(1, 1), (1, 64), (1000, 1), (1000, 64)]
KINDS = {
    "limit": "Limits",
    "replay": "Loading and replay by the peers",
    "hot-slow": "A slow store",
    "piece": "Pieces",
    "log": "The write-ahead log",
    "load": "Loading an aggregate, and its past",
    "start": "Start-up",
    "disk": "Bytes on disk",
    "rss": "Memory",
    "cache": "Memory of cached aggregates",
    "processes": "Several processes over one content",
    "hot": "One account for a while, with a reader",
    "subscription-read": "Reading by a subscription",
    "subscription-commands": "Commands beside a subscription, and its lag",
    "client": "tokio-postgres with deadpool, and sqlx",
    "positions": "Positions: one lock, and `xid8`",
}


class Results:
    """The lines of all files, by kind."""

    def __init__(self, paths):
        self.stores, self.figures, self.races = {}, {}, {}
        self.runs, self.failed, self.probes = [], [], []
        for path in paths:
            for number, text in enumerate(Path(path).read_text().splitlines(), 1):
                try:
                    self.add(json.loads(text), Path(path).name)
                except json.JSONDecodeError as error:
                    sys.exit(f"{path}, line {number}: {error}")

    def add(self, line, file):
        if "run" in line:
            self.runs.append({"file": file} | line["run"])
        elif "run_end" in line:
            if self.runs:
                self.runs[-1]["end"] = line["run_end"]
        elif "race" in line:
            sides = self.races.setdefault(line["race"], {}).setdefault((file, line["round"]), {})
            sides[line["side"]] = line
            if "failed" in line:
                self.failed.append(line)
        elif "failed" in line:
            self.failed.append(line)
        elif "cmds_per_s" in line:
            store, name = store_and_name(line)
            cases = self.stores.setdefault(store, {}).setdefault(name, {})
            cases[(line["n"], line["clients"])] = line
        elif "kind" in line:
            self.figures.setdefault(line["kind"], {})[line["name"]] = line
        else:
            self.probes.append(line)

    def rounds(self, gate):
        """Returns the lines of each complete round, in which no side has failed."""
        rounds = self.races.get(gates.race_of(gate.sides), {}).values()
        whole = [[sides[side] for side in sorted(sides)] for sides in rounds
                 if len(sides) == len(gate.sides)]
        return [lines for lines in whole if not any("failed" in line for line in lines)]


def store_and_name(line):
    store = gates.plain(line["store"])
    name = line["system"] + line["store"][len(store):]
    return (store if store in ("memory", "file") else f"{store} {line['sync']}"), name


def number(value):
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"


def time(us):
    if us >= 10_000:
        return f"{us / 1000:,.1f} ms"
    return f"{us:,.0f} µs" if us >= 10 else f"{us:.1f} µs"


def load(values):
    return ", ".join(f"{value:.2f}" for value in values)


def print_runs(results):
    for run in results.runs:
        changed = ", with changes since" if run["changed_since"] else ""
        end = run.get("end", {})
        settings = " ".join(f"{name}={text}" for name, text in run["settings"].items())
        print(f"- `{run['file']}`: {run['date']}, commit {run['commit']}{changed}; {run['rustc']}; "
              f"{run['cores']} cores ({run['processor']}), {run['memory_gib']} GiB, "
              f"Linux {run['kernel']}; load (1, 5, 15 min) {load(run['load'])} at the start, "
              f"{load(end['load']) if end else 'unknown'} at the end"
              f"{'; ' + settings if settings else ''}")
        if "postgres" in run:
            server = (f"{name} = {text}" for name, text in run["postgres"].items())
            print("  - PostgreSQL: " + ", ".join(server))


def print_gates(results):
    rows = [row for gate in gates.gates() + gates.http_gates()
            if (row := gate_row(results, gate))]
    if not rows:
        return
    print("\n## Gates\n")
    print("| gate | bound | verdict | median | quartiles | min – max | rounds |\n"
          "| --- | --- | --- | ---: | --- | --- | ---: |")
    for name, gate, judged in hardest(rows):
        print_gate(name, gate, judged)
    print("\n### Interleaved rounds\n")
    print("| gate | first side | second side | ratio of the processor times | others' cores | "
          "median | quartiles | min – max |\n"
          "| --- | ---: | ---: | ---: | ---: | ---: | --- | --- |")
    for gate, judged, rounds in rows:
        print_race(gate, judged, rounds)


def gate_row(results, gate):
    rounds = results.rounds(gate)
    if not rounds:
        return None
    try:
        values = [gate.value(*lines) for lines in rounds]
    except KeyError:
        # An older result lacks the figure.
        return None
    return gate, gates.verdict(gate, values), rounds


def hardest(rows):
    """Yields the gates with their verdicts; of each group only the gate with the smallest ratio."""
    groups = {}
    for gate, judged, _ in rows:
        groups.setdefault(gate.group or gate.name, []).append((gate, judged))
    for name, members in groups.items():
        gate, judged = min(members, key=lambda member: member[1].median)
        yield (f"{name}: {gate.peer}" if gate.group else name), gate, judged


def spread(judged):
    low, high = judged.quartiles
    ends = f"{number(min(judged.values))} – {number(max(judged.values))}"
    return f"{number(low)} – {number(high)} | {ends}"


def print_gate(name, gate, judged):
    bound = "-"
    if gate.at_least is not None:
        bound = f"≥ {number(gate.at_least)}"
    if gate.at_most is not None:
        bound = f"≤ {number(gate.at_most)}"
    if gate.aim is not None:
        bound += f" (aim {number(gate.aim)})"
    print(f"| {name} | {bound} | {judged.text} | {number(judged.median)} {gate.unit} | "
          f"{spread(judged)} | {len(judged.values)} |")


def print_race(gate, judged, rounds):
    sides = [f"{number(median(of_side))}/s" if (of_side := rates(rounds, side)) else "-"
             for side in gate.compared]
    pairs = [[lines[side] for side in gate.compared] for lines in rounds
             if len(lines) > max(gate.compared)]
    costs = [second["cpu_us_per_cmd"] / first["cpu_us_per_cmd"] for first, second in pairs
             if first is not second and "cpu_us_per_cmd" in first and "cpu_us_per_cmd" in second]
    others = median(line.get("others_cpu", 0.0) for lines in rounds for line in lines)
    print(f"| {gate.name} | {sides[0]} | {sides[1]} | {number(median(costs)) if costs else '-'} | "
          f"{others:.1f} | {number(judged.median)} {gate.unit} | {spread(judged)} |")


def rates(rounds, side):
    """Returns the rates of one side: of a case of the workload, or of several processes."""
    found = [lines[side].get("cmds_per_s", lines[side].get("rate")) for lines in rounds
             if len(lines) > side]
    return [rate for rate in found if rate is not None]


def print_store(store, systems):
    print(f"\n### {store}\n")
    columns = [f"N={n:,}, {clients} client{'s' if clients > 1 else ''}" for n, clients in CASES]
    print("| system | " + " | ".join(columns) + " |\n| --- |" + " ---: |" * len(CASES))
    limit_name = LIMITS.get(store)
    limit = systems.get(limit_name, {})
    for name, cases in systems.items():
        cells = [cell(cases.get(case), None if name == limit_name else limit.get(case))
                 for case in CASES]
        print(f"| {name} | " + " | ".join(cells) + " |")


def cell(line, limit):
    if not line:
        return "-"
    ratio = f" ×{line['cmds_per_s'] / limit['cmds_per_s']:.2f}" if limit else ""
    spread = f" [{number(line['min_per_s'])}–{number(line['max_per_s'])}]"
    cost = f"; {line['cpu_us_per_cmd']:.1f} µs CPU" if "cpu_us_per_cmd" in line else ""
    wrong = " **wrong balance**" if line.get("verified") is False else ""
    capped = " (cut)" if line.get("capped") else ""
    batch = f"; {line['mean_batch']:.1f} a batch" if "mean_batch" in line else ""
    return (f"{number(line['cmds_per_s'])}/s{ratio}{spread}{capped}<br>"
            f"{time(line['p50_us'])} / {time(line['p99_us'])}{cost}{batch}{wrong}")


def print_figures(kind, figures):
    print(f"\n## {KINDS.get(kind, kind)}\n\n| figure | median | min – max | unit | note |\n"
          "| --- | ---: | --- | --- | --- |")
    for line in figures.values():
        spread = f"{number(line['min'])} – {number(line['max'])}"
        print(f"| {line['name']} | {number(line['median'])} | {spread} | {line['unit']} | "
              f"{line['note']} |")


def main():
    results = Results(sys.argv[1:])
    print("# Figures\n\nGenerated by `table.py` from the result files. README.md explains the "
          "tables.\n")
    print_runs(results)
    print_gates(results)
    if results.stores:
        print("\n## Systems\n\nCells: commands/s (× the limit of the same column) [min–max of the "
              "repetitions], p50 / p99, processor time per command.")
    for store, systems in results.stores.items():
        print_store(store, systems)
    for kind, figures in results.figures.items():
        print_figures(kind, figures)
    for title, lines in (("Probes", results.probes), ("Failed", results.failed)):
        if lines:
            print(f"\n## {title}\n")
            for line in lines:
                print(f"- `{json.dumps(line, ensure_ascii=False)}`")


if __name__ == "__main__":
    main()
