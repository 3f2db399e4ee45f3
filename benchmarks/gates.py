"""The gates: comparisons in interleaved rounds, and their bounds.

A side is one case of one program. A round runs all sides of a gate once, in succession, so that a
change of the machine's speed affects all of them. A gate computes one value per round. `verdict`
judges the values of all rounds."""

from dataclasses import dataclass
from statistics import median, quantiles
from typing import Callable


STORES = ("memory", "file", "sqlite", "postgres")

# The `package` of a side that runs pgbench, the benchmark that PostgreSQL ships.
PGBENCH = "pgbench"


def plain(store):
    """Returns the name of a store without the text in brackets."""
    return store.split("(")[0]


@dataclass(frozen=True)
class Side:
    """One case of a program. `name` is the value of BENCH_ONLY, `cases` that of BENCH_CASES.
    `commands` is the number of commands per round, if it differs from the default."""

    package: str
    name: str
    cases: str = ""
    commands: int | None = None

    @property
    def store(self):
        """The store of a `system/store/sync` or `kind/system/store`, or None for a `kind/name`."""
        stores = [part for part in map(plain, self.name.split("/")) if part in STORES]
        return stores[-1] if stores else None

    def is_on(self, stores):
        return self.store is None or self.store in stores

    def key(self):
        return f"{self.name} {self.cases}".strip()


def race_of(sides):
    """Returns the name of the rounds of these sides. Gates with the same sides share the rounds."""
    return " | ".join(side.key() for side in sides)


@dataclass(frozen=True)
class Gate:
    """A comparison with an optional bound. `value` takes the lines of one round, in the order of
    `sides`. Without a bound, the value is only reported."""

    name: str
    sides: tuple
    value: Callable
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    aim: float | None = None
    # The two compared sides. Other sides may run in the same rounds.
    compared: tuple = (0, 1)
    # In a group only the gate with the smallest value counts: the one against the fastest peer.
    group: str = ""
    peer: str = ""


def ratio(a, b):
    return a["cmds_per_s"] / b["cmds_per_s"]


def added_parses(by_key, typed, parse):
    """Returns the cost that a command by key adds to a typed command, in parses."""
    return (1e9 / by_key["cmds_per_s"] - 1e9 / typed["cmds_per_s"]) / parse["median"]


def added_cpu_parses(by_key, typed, command, _arguments):
    """Returns the same cost by processor time, which hardly depends on the load."""
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
OUR_STORE = ("p-cqrs-es", "cqrs-es/memory(our EventStore)/-",
             "cqrs-es over the harness's own store")


def fluvius(case):
    return Side("p-fluvius", "fluvius/memory/-", case)


def by_key(case):
    return Side("p-fluvius", "fluvius+by-key/memory/-", case)


def gates():
    found = []
    for n, of in ((1, "1 account"), (1000, "1,000 accounts")):
        case = f"{n}x1"
        for package, name, title in PEERS:
            found.append(Gate(f"typed / {title}, {of}", (fluvius(case), Side(package, name, case)),
                              ratio, "×", at_least=1.0, aim=1.5,
                              group=f"typed / the fastest peer on the store it ships, {of}",
                              peer=title))
        package, name, title = OUR_STORE
        found.append(Gate(f"typed / {title}, {of}", (fluvius(case), Side(package, name, case)),
                          ratio, "×"))
    for n, of in ((1, "1 account"), (1000, "1,000 accounts")):
        found.append(Gate(f"64 tasks / 1 task, {of}", (fluvius(f"{n}x64"), fluvius(f"{n}x1")),
                          ratio, "×", at_least=0.7))
    for n, of in ((1, "1 account"), (1000, "1,000 accounts")):
        sides = (by_key(f"{n}x1"), fluvius(f"{n}x1"),
                 Side("limits", "limit/json_command_parse"),
                 Side("limits", "limit/json_arguments_parse"))
        found.append(Gate(f"by key - typed, in parses of the harness's command, {of}", sides,
                          added_command_parses, "parses", at_most=3.0))
        found.append(Gate("by key - typed, processor time in parses of the harness's command, "
                          f"{of}", sides, added_cpu_parses, "parses"))
        found.append(Gate(f"by key - typed, in parses of the arguments alone, {of}", sides,
                          added_argument_parses, "parses"))
    slow = Side("p-fluvius", "fluvius/memory(1 ms a commit)/hot-slow")
    found.append(Gate("1 ms a commit, 1 account, 64 clients: rate", (slow,),
                      lambda slow: slow["cmds_per_s"], "commands/s", at_least=20_000.0))
    found.append(Gate("1 ms a commit, 1 account, 64 clients: mean batch", (slow,),
                      lambda slow: slow["mean_batch"], "units", at_least=16.0))
    return found + sqlite_gates() + postgres_gates()


def on_sqlite(system, case, package="p-fluvius", store="sqlite"):
    """Returns a case with `synchronous = FULL`. A round is long enough for the log to be copied
    into the file."""
    return Side(package, f"{system}/{store}/FULL", case, commands=20_000)


def field(name, of=0):
    """Returns a function that reads a field of one side's line."""
    return lambda *lines: lines[of][name]


def sqlite_gates():
    found = []
    for n, of, of_grouped in ((1, "1 account", 0.6), (1000, "1,000 accounts", 0.4)):
        case = f"{n}x64"
        grouped = "raw-rusqlite-group-commit"
        sides = (on_sqlite("fluvius", case), on_sqlite("by-hand", case),
                 on_sqlite(grouped, case, "limits"))
        what = f"SQLite FULL, 64 clients, {of}"
        found += [
            Gate(f"{what}: fluvius / our schema by hand", sides,
                 lambda ours, hand, _: ratio(ours, hand), "×", at_least=0.8),
            Gate(f"{what}: our schema by hand / the harness's grouped writer", sides,
                 lambda _, hand, limit: ratio(hand, limit), "×", at_least=of_grouped,
                 compared=(1, 2)),
            Gate(f"{what}: p99", sides, lambda ours, *_: ours["p99_us"] / 1000, "ms",
                 at_most=10.0),
            Gate(f"{what}: p99 / that of our schema by hand", sides,
                 lambda ours, hand, _: ours["p99_us"] / hand["p99_us"], "×", at_most=3.0),
        ]
        sides = (on_sqlite("fluvius", case, store="sqlite(whole log)"),
                 on_sqlite("by-hand", case, store="sqlite(whole log)"))
        found += [
            Gate(f"{what}: mean batch (units a transaction)", sides, field("units_a_transaction"),
                 "units", at_least=16.0),
            Gate(f"{what}: mean batch by hand", sides, field("units_a_transaction", of=1),
                 "units"),
            Gate(f"{what}: bytes of the write-ahead log a command", sides, field("log_bytes"),
                 "bytes"),
            Gate(f"{what}: the same by hand", sides, field("log_bytes", of=1), "bytes"),
        ]
    for n, of in ((1, "1 account"), (1000, "1,000 accounts")):
        case = f"{n}x1"
        sides = (on_sqlite("fluvius", case),
                 on_sqlite("raw-rusqlite-group-commit", case, "limits"))
        found.append(Gate(f"SQLite FULL, 1 client, {of}: fluvius / the harness's grouped writer",
                          sides, ratio, "×", at_least=0.8))
    load = (Side("p-fluvius", "load/fluvius/sqlite"),)
    found += [
        # The bound is the spread of the figures of one aggregate from round to round.
        Gate("SQLite, load of a root: with 100,000 events / with 10", load,
             lambda line: line["100000_events"] / line["10_events"], "×", at_most=1.25),
        Gate("SQLite, `fetch_at` in the middle of 100,000 events", load, field("fetch_at"), "µs"),
        Gate("SQLite, `fetch_at`: changes read at the most", load, field("changes_read"),
             "changes", at_most=64.0),
        Gate("SQLite, a change of one field of 20 kB: bytes in the file",
             (Side("p-fluvius", "disk/fluvius/sqlite/one_field_of_20_kB"),),
             field("one_field_of_20_kB"), "bytes/command", at_most=2000.0),
    ]
    for case, of, share in (("own-accounts/2", "each on its own accounts", 50.0),
                            ("shared-accounts/2", "on the same accounts", 50.0),
                            ("1-account/2", "on 1 hot account", 50.0),
                            ("1-account/12", "on 1 hot account", 20.0)):
        sides = (Side("p-fluvius", f"processes/fluvius/sqlite/{case}"),)
        what = f"SQLite, {case.rpartition('/')[2]} processes at full load, {of}"
        found += [
            Gate(f"{what}: the smallest share", sides, field("smallest_share"), "% of the mean",
                 at_least=share),
            Gate(f"{what}: p99", sides, field("p99"), "ms", at_most=250.0),
            Gate(f"{what}: failed", sides, field("commands_failed"), "commands", at_most=0.0),
            Gate(f"{what}: all together", sides, field("rate"), "commands/s"),
        ]
    cache = (Side("p-fluvius", "cache/fluvius/sqlite"),)
    found += [
        Gate("memory of a cached aggregate", cache, field("cached_aggregate"), "bytes",
             at_most=1_600.0),
        Gate("memory of a full cache of 64 MiB", cache, field("full_cache"), "MiB",
             at_most=160.0),
    ]
    return found + resource_gates("sqlite", "SQLite")


def on_postgres(system, case, package="p-fluvius", store="postgres", commands=10_000):
    return Side(package, f"{system}/{store}/on", case, commands=commands)


BY_HAND = ("commit_batch", "statements")

# The fastest peers of a run of all peers. Rounds with the slow ones on one account are short.
POSTGRES_PEERS = {
    1: [("p-distributed", "distributed+queued+snapshot50", "distributed, queued + snapshot"),
        ("p-esrs", "esrs+lock", "esrs, locked")],
    1000: [("p-esrs", "esrs", "esrs"), ("p-cqrs-es", "cqrs-es/postgres-es", "postgres-es")],
}


def packages(stores):
    """Returns the packages that the gates on these stores need."""
    wanted = [gate.sides for gate in gates()
              if all(side.is_on(stores) for side in gate.sides)]
    return sorted({side.package for sides in wanted for side in sides} - {PGBENCH})


def postgres_gates():
    found = []
    for n, of in ((1, "1 account"), (1000, "1,000 accounts")):
        case = f"{n}x64"
        sides = (on_postgres("fluvius", case),
                 *(on_postgres("by-hand", case, store=f"postgres({way})") for way in BY_HAND),
                 on_postgres("raw-pg-unnest-group-commit", case, "limits"))
        what = f"PostgreSQL, 64 clients, {of}"
        found += [
            Gate(f"{what}: fluvius / our schema by hand, by {way}", sides,
                 lambda *lines, of=number: ratio(lines[0], lines[of]), "×", at_least=0.8,
                 compared=(0, number),
                 group=f"{what}: fluvius / our schema by hand, the faster of the two ways",
                 peer=f"by {way}")
            for number, way in enumerate(BY_HAND, 1)
        ]
        found += [
            Gate(f"{what}: fluvius / the harness's batched writer", sides,
                 lambda *lines: ratio(lines[0], lines[3]), "×", at_least=0.4, compared=(0, 3)),
            Gate(f"{what}: our schema by hand, by {BY_HAND[1]} / by {BY_HAND[0]}", sides,
                 lambda *lines: ratio(lines[2], lines[1]), "×", compared=(2, 1)),
            Gate(f"{what}: rate", sides, field("cmds_per_s"), "commands/s", at_least=14_000.0),
            Gate(f"{what}: p50", sides, lambda *lines: lines[0]["p50_us"] / 1000, "ms"),
            Gate(f"{what}: p99", sides, lambda *lines: lines[0]["p99_us"] / 1000, "ms"),
            Gate(f"{what}: mean batch", sides, field("mean_batch"), "units"),
            *(Gate(f"{what}: mean batch by hand, by {way}", sides,
                   field("mean_batch", of=number), "units")
              for number, way in enumerate(BY_HAND, 1)),
        ]
        peers = POSTGRES_PEERS[n]
        sides = (on_postgres("fluvius", case),
                 *(on_postgres(name, case, package, commands=1_000)
                   for package, name, _ in peers))
        for number, (_, _, title) in enumerate(peers, 1):
            found.append(Gate(f"{what}: fluvius / {title}", sides,
                              lambda *lines, of=number: ratio(lines[0], lines[of]), "×",
                              compared=(0, number),
                              group=f"{what}: fluvius / the fastest peer", peer=title))
            found.append(Gate(f"{what}: rate of {title}", sides, field("cmds_per_s", of=number),
                              "commands/s", compared=(number, number)))
    for n, of in ((1, "1 account"), (1000, "1,000 accounts")):
        case = f"{n}x1"
        sides = (on_postgres("fluvius", case, commands=1_000),
                 on_postgres("raw-pg-cte-1trip", case, "limits", commands=1_000),
                 *(on_postgres("by-hand", case, store=f"postgres({way})", commands=1_000)
                   for way in BY_HAND))
        what = f"PostgreSQL, 1 client, {of}"
        found.append(Gate(f"{what}: fluvius / the harness's one round trip", sides,
                          lambda *lines: ratio(lines[0], lines[1]), "×", at_least=0.5, aim=0.65,
                          compared=(0, 1)))
        found += [Gate(f"{what}: fluvius / our schema by hand, by {way}", sides,
                       lambda *lines, of=number: ratio(lines[0], lines[of]), "×",
                       compared=(0, number))
                  for number, way in enumerate(BY_HAND, 2)]
        found.append(Gate(f"{what}: p99", sides,
                          lambda *lines: lines[0]["p99_us"] / 1000, "ms"))
    sides = (on_postgres("fluvius", "1000x64"), Side(PGBENCH, "pgbench/postgres/simple-update"))
    what = "PostgreSQL, 64 clients: pgbench, simple update"
    found += [
        Gate(f"{what}: rate", sides, field("cmds_per_s", of=1), "transactions/s",
             compared=(1, 1)),
        Gate(f"{what}: fluvius on 1,000 accounts / pgbench", sides, ratio, "×"),
    ]
    return found + process_gates() + resource_gates("postgres", "PostgreSQL")


# By store: the bounds of the time to a first command (ms), and of the memory of a program (MiB), at
# rest and a second after the load. Those of SQLite are less than twice the figures of a quiet
# machine. Those of PostgreSQL are about twice the shortest start and the memory at rest on a busy
# machine; its memory after a load at full rate is not known yet.
RESOURCES = {"sqlite": (7.0, 22.0, 65.0), "postgres": (100.0, 24.0, 50.0)}


def resource_gates(store, title):
    """Returns the gates of start-up and memory."""
    first_command, at_rest, after_load = RESOURCES[store]
    start, rss = (Side("p-fluvius", f"{kind}/fluvius/{store}") for kind in ("start", "rss"))
    return [
        Gate(f"{title}, start with many events: to the first command", (start,),
             field("first_command"), "ms", at_most=first_command),
        Gate(f"{title}, start, to the first command: with many events / with few", (start,),
             lambda line: line["first_command"] / line["first_command_with_few_events"], "×",
             at_most=1.8),
        Gate(f"{title}, start with many events: to the open domain", (start,), field("open"), "ms"),
        Gate(f"{title}, memory of a program: without a store", (rss,), field("empty"), "MiB"),
        Gate(f"{title}, memory of a program: at rest", (rss,), field("at_rest"), "MiB",
             at_most=at_rest),
        Gate(f"{title}, memory of a program: the most under load", (rss,), field("under_load"),
             "MiB"),
        Gate(f"{title}, memory of a program: after the load", (rss,), field("after_load"), "MiB",
             at_most=after_load),
    ]


def process_gates():
    """Returns the gates of one, two and four processes. A side's line has each figure by name."""
    found = []
    # The workload, its description, the bound of the rate by number of processes, and that of p99.
    for word, of, least, p99 in (
            ("1000-accounts", "1,000 accounts", {2: 0.95, 4: 0.8}, {4: 60.0}),
            ("1-account", "1 hot account", {2: 0.5, 4: 0.85}, {4: 130.0}),
            ("own-accounts", "their own accounts", {4: 1.0}, {}),
            ("own-accounts-with-transfers", "their own accounts, with 10 % transfers", {4: 0.7},
             {})):
        counts = (1, 4) if word.startswith("own") else (1, 2, 4)
        sides = tuple(Side("p-fluvius", f"processes/fluvius/postgres/{word}/{count}")
                      for count in counts)
        is_hot = word == "1-account"
        for number, count in enumerate(counts):
            what = f"PostgreSQL, {count} process{'es' if count > 1 else ''} on {of}"
            if count > 1:
                found += [
                    Gate(f"{what}: all together / one alone", sides,
                         lambda *lines, of=number: lines[of]["rate"] / lines[0]["rate"], "×",
                         at_least=least.get(count),
                         aim=0.9 if word.endswith("transfers") else None, compared=(number, 0)),
                    Gate(f"{what}: the smallest share", sides,
                         field("smallest_share", of=number), "%",
                         at_least=20.0 if count == 4 else 25.0 if is_hot else None),
                ]
            found += [
                Gate(f"{what}: `conflict`", sides, field("conflict", of=number), "commands",
                     at_most=0.0),
                Gate(f"{what}: failed otherwise", sides, field("failed_otherwise", of=number),
                     "commands", at_most=0.0),
                Gate(f"{what}: rounds with a sum of balances other than acknowledged", sides,
                     field("missing", of=number), "rounds", at_most=0.0),
                Gate(f"{what}: p99", sides, field("p99", of=number), "ms",
                     at_most=p99.get(count)),
                Gate(f"{what}: stale units", sides, field("stale_units", of=number), "%"),
                Gate(f"{what}: calls per batch", sides, field("calls", of=number), "calls"),
                Gate(f"{what}: leases", sides, field("leases", of=number), "per s"),
                Gate(f"{what}: processor time of the processes", sides,
                     field("client_cpu", of=number), "µs/command"),
                Gate(f"{what}: processor time of the server", sides,
                     field("server_cpu", of=number), "µs/command"),
                Gate(f"{what}: the slowest wait", sides, field("slowest", of=number), "ms",
                     at_most=2_000.0 if is_hot and count == 2 else None),
                Gate(f"{what}: mean batch", sides, field("mean_batch", of=number), "units"),
                Gate(f"{what}: connections of a process, at rest", sides,
                     field("connections_at_rest", of=number), "connections",
                     at_most=3.0),
                Gate(f"{what}: connections of a process, the most", sides,
                     field("connections", of=number), "connections",
                     at_most=5.0 if word == "1000-accounts" else 9.0),
            ]
    return found


SYNC = {"memory": "-", "sqlite": "FULL", "postgres": "on"}


def over_http(system, store, case):
    """Returns a case over HTTP. The environment has its duration."""
    return Side("http", f"{system}/{store}(http)/{SYNC[store]}", case)


def without_http(system, store, case):
    return Side("http", f"{system}/{store}/{SYNC[store]}", case)


def cpu_ratio(a, b):
    return a["cpu_us_per_cmd"] / b["cpu_us_per_cmd"]


def http_gates():
    """Returns the gates of the server, against plain axum services and against commands without
    HTTP. They are apart from `gates`, since their rounds take minutes."""
    found = []
    for store, title, n, least in (("memory", "memory", 1000, None),
                                   ("sqlite", "SQLite FULL", 1000, 3.0),
                                   ("postgres", "PostgreSQL", 1000, 1.5),
                                   ("postgres", "PostgreSQL", 1, 5.0)):
        case = f"{n}x64"
        what = f"HTTP, {title}, {n:,} account{'s' if n > 1 else ''}"
        sides = (over_http("fluvius", store, case), over_http("plain", store, case),
                 without_http("in-process", store, case),
                 without_http("in-process+sessions", store, case))
        found += [
            Gate(f"{what}: fluvius-server / a plain axum service", sides,
                 lambda ours, plain, *_: ratio(ours, plain), "×", at_least=least),
            Gate(f"{what}: processor time of the server / that of `process_command`", sides,
                 lambda ours, _, inside, __: cpu_ratio(ours, inside), "×",
                 at_most=2.0 if n == 1000 and store != "memory" else None, compared=(0, 2)),
            Gate(f"{what}: processor time of the server / that of `process_command` with a session "
                 "per command", sides, lambda ours, _, __, inside: cpu_ratio(ours, inside), "×",
                 compared=(0, 3)),
            Gate(f"{what}: processor time of a plain axum service / that of `process_command`",
                 sides, lambda _, plain, inside, __: cpu_ratio(plain, inside), "×",
                 compared=(1, 2)),
        ]
        for name, unit, value in (
                ("rate", "requests/s", lambda line: line["cmds_per_s"]),
                ("p50", "ms", lambda line: line["p50_us"] / 1000),
                ("p99", "ms", lambda line: line["p99_us"] / 1000),
                ("processor time of the server", "µs/request",
                 lambda line: line["cpu_us_per_cmd"]),
                ("processor time of the load generator", "µs/request",
                 lambda line: line["load_cpu_us_per_cmd"])):
            found.append(Gate(f"{what}: {name}", sides,
                              lambda *lines, value=value: value(lines[0]), unit))
    case = "1000x64"
    sides = tuple(over_http(f"fluvius{more}", "sqlite", case)
                  for more in ("", "+if-match", "+rs256", "+es256"))
    for number, title in enumerate(("`If-Match` on each request", "tokens, RS256",
                                    "tokens, ES256"), 1):
        what = f"HTTP, SQLite FULL, 1,000 accounts, {title}"
        found += [
            Gate(f"{what}: rate / without", sides,
                 lambda *lines, of=number: ratio(lines[of], lines[0]), "×", compared=(number, 0)),
            Gate(f"{what}: processor time of the server / without", sides,
                 lambda *lines, of=number: cpu_ratio(lines[of], lines[0]), "×",
                 compared=(number, 0)),
        ]
    return found


# The systems with compared file sizes: the package, and the value of BENCH_ONLY.
ON_DISK = [
    ("p-fluvius", "fluvius/sqlite/FULL"),
    ("p-fluvius", "by-hand/sqlite/FULL"),
    ("limits", "raw-rusqlite-group-commit/sqlite/FULL"),
    ("p-cqrs-es", "cqrs-es/sqlite-es/sqlite/FULL"),
    ("p-cqrs-es", "cqrs-es/sqlite-es+aggregate-store/sqlite/FULL"),
    ("p-eventcore", "eventcore-sqlite/sqlite/FULL"),
    ("p-eventcore", "eventcore-sqlite+snapshot/sqlite/FULL"),
    ("p-distributed", "distributed/sqlite/FULL"),
    ("p-distributed", "distributed+queued+snapshot50/sqlite/FULL"),
    ("p-evento", "evento/sqlite/FULL"),
]


@dataclass(frozen=True)
class Verdict:
    """The values of all rounds, and the verdict on a gate."""

    values: tuple
    text: str

    @property
    def median(self):
        return median(self.values)

    @property
    def quartiles(self):
        if len(self.values) < 2:
            return self.values * 2
        return tuple(quantiles(self.values, n=4, method="inclusive")[::2])


def verdict(gate, values):
    """Returns `holds` or `fails` if all rounds agree, and `undecided` otherwise."""
    if gate.at_least is None and gate.at_most is None:
        return Verdict(tuple(values), "reported")
    holds = [(gate.at_least is None or value >= gate.at_least)
             and (gate.at_most is None or value <= gate.at_most)
             for value in values]
    if all(holds):
        return Verdict(tuple(values), "holds")
    if not any(holds):
        return Verdict(tuple(values), "**fails**")
    return Verdict(tuple(values), f"undecided ({sum(holds)} of {len(holds)} hold)")
