"""What is compared in interleaved rounds, and what must hold.

A side is one case of one program; a round runs all sides of a gate once, one after the other, so that a change of the
machine's speed hits all of them. A gate's value is made of one round; `verdict` judges the values of all rounds."""

from dataclasses import dataclass
from statistics import median, quantiles
from typing import Callable


@dataclass(frozen=True)
class Side:
    """One case of a program: `name` is what BENCH_ONLY takes, `cases` what BENCH_CASES takes."""

    package: str
    name: str
    cases: str = ""

    @property
    def store(self):
        """The store of a `system/store/sync`; None of a `kind/name`."""
        parts = self.name.split("/")
        return parts[-2].split("(")[0] if len(parts) > 2 else None

    def key(self):
        return f"{self.name} {self.cases}".strip()


def race_of(sides):
    """The name of the rounds in which these sides run; gates with the same sides share them."""
    return " | ".join(side.key() for side in sides)


@dataclass(frozen=True)
class Gate:
    """`value` takes the lines of one round, in the order of `sides`. Without a bound it is only reported."""

    name: str
    sides: tuple
    value: Callable
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    aim: float | None = None
    # Of the gates of one group only the hardest counts: that against the fastest peer.
    group: str = ""
    peer: str = ""


def ratio(a, b):
    return a["cmds_per_s"] / b["cmds_per_s"]


def added_parses(by_key, typed, parse):
    """How many parses the way by key adds to the typed one."""
    return (1e9 / by_key["cmds_per_s"] - 1e9 / typed["cmds_per_s"]) / parse["median"]


def added_cpu_parses(by_key, typed, command, _arguments):
    """The same by processor time, which hardly moves with the load."""
    return (by_key["cpu_us_per_cmd"] - typed["cpu_us_per_cmd"]) * 1000 / command["median"]


def added_command_parses(by_key, typed, command, _arguments):
    return added_parses(by_key, typed, command)


def added_argument_parses(by_key, typed, _command, arguments):
    return added_parses(by_key, typed, arguments)


PEERS = [
    ("p-cqrs-es", "cqrs-es/memory(MemStore)/-", "cqrs-es (MemStore)"),
    ("p-eventcore", "eventcore/memory/-", "eventcore"),
    ("p-eventcore", "eventcore+snapshot/memory/-", "eventcore + snapshot"),
    ("p-distributed", "distributed/memory/-", "distributed"),
    ("p-distributed", "distributed+queued+snapshot50/memory/-", "distributed, queued + snapshot"),
]
OUR_STORE = ("p-cqrs-es", "cqrs-es/memory(our EventStore)/-", "cqrs-es over the harness's own store")


def fluvius(case):
    return Side("p-fluvius", "fluvius/memory/-", case)


def by_key(case):
    return Side("p-fluvius", "fluvius+by-key/memory/-", case)


def gates():
    found = []
    for n, of in ((1, "1 account"), (1000, "1,000 accounts")):
        case = f"{n}x1"
        for package, name, title in PEERS:
            found.append(Gate(f"typed / {title}, {of}", (fluvius(case), Side(package, name, case)), ratio, "×",
                              at_least=1.0, aim=1.5, group=f"typed / the fastest peer on the store it ships, {of}",
                              peer=title))
        package, name, title = OUR_STORE
        found.append(Gate(f"typed / {title}, {of}", (fluvius(case), Side(package, name, case)), ratio, "×"))
    for n, of in ((1, "1 account"), (1000, "1,000 accounts")):
        found.append(Gate(f"64 tasks / 1 task, {of}", (fluvius(f"{n}x64"), fluvius(f"{n}x1")), ratio, "×", at_least=0.7))
    for n, of in ((1, "1 account"), (1000, "1,000 accounts")):
        sides = (by_key(f"{n}x1"), fluvius(f"{n}x1"), Side("limits", "limit/json_command_parse"),
                 Side("limits", "limit/json_arguments_parse"))
        found.append(Gate(f"by key - typed, in parses of the harness's command, {of}", sides, added_command_parses,
                          "parses", at_most=3.0))
        found.append(Gate(f"by key - typed, processor time in parses of the harness's command, {of}", sides,
                          added_cpu_parses, "parses"))
        found.append(Gate(f"by key - typed, in parses of the arguments alone, {of}", sides, added_argument_parses,
                          "parses"))
    slow = Side("p-fluvius", "fluvius/memory(1 ms a commit)/hot-slow")
    found.append(Gate("1 ms a commit, 1 account, 64 clients: rate", (slow,), lambda slow: slow["cmds_per_s"],
                      "commands/s", at_least=20_000.0))
    found.append(Gate("1 ms a commit, 1 account, 64 clients: mean batch", (slow,), lambda slow: slow["mean_batch"],
                      "units", at_least=16.0))
    return found


@dataclass(frozen=True)
class Verdict:
    """The values of all rounds, and what they say of a gate."""

    values: tuple
    text: str

    @property
    def median(self):
        return median(self.values)

    @property
    def quartiles(self):
        return tuple(quantiles(self.values, n=4, method="inclusive")[::2]) if len(self.values) > 1 else self.values * 2


def verdict(gate, values):
    """`holds` and `fails` only where all rounds agree; in between it is `undecided`."""
    if gate.at_least is None and gate.at_most is None:
        return Verdict(tuple(values), "reported")
    holds = [(gate.at_least is None or value >= gate.at_least) and (gate.at_most is None or value <= gate.at_most)
             for value in values]
    if all(holds):
        return Verdict(tuple(values), "holds")
    if not any(holds):
        return Verdict(tuple(values), "**fails**")
    return Verdict(tuple(values), f"undecided ({sum(holds)} of {len(holds)} hold)")
