#!/usr/bin/env python3
"""Runs built benchmark programs in succession and appends their JSON lines to a result file.

    measure.py OUT begin                 one line with the machine, the commit and the settings
    measure.py OUT cases PACKAGE..       all cases of these packages
    measure.py OUT gates ROUNDS          the gates of gates.py, in interleaved rounds
    measure.py OUT http ROUNDS           the gates of the server, in interleaved rounds
    measure.py OUT disk                  the sizes of the SQLite files
    measure.py OUT pieces                criterion's estimates of the pieces
    measure.py OUT end                   the load at the end

Each line gets the field `others_cpu`: the number of processor cores that other processes kept busy
meanwhile. run.sh builds the programs and calls this script. CARGO_TARGET_DIR is the folder of the
programs."""

import datetime
import json
import os
import platform
import resource
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gates

HERE = Path(__file__).resolve().parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target"))
# The time after which a program counts as hung and its case as failed.
TIMEOUT_S = int(os.environ.get("BENCH_TIMEOUT", "1500"))
# The measured time of each side of a gate in one round.
GATE_MIN_MS = os.environ.get("BENCH_GATE_MS", "300")


def busy_s():
    """Returns the busy time of all cores since the machine started, in seconds, or None if the
    operating system does not report it."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, fields[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def children_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(package, **settings):
    """Runs a program with these BENCH_ settings, and returns its lines."""
    program = "bench-" + package.removeprefix("p-")
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as out:
        env = os.environ | {"RUST_LOG": "off", "BENCH_OUT": out.name} | settings
        start, busy, own = time.monotonic(), busy_s(), children_s()
        try:
            # Some peers print on every command.
            done = subprocess.run([TARGET / "release" / program], env=env, timeout=TIMEOUT_S,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                  check=False)
            failed = None
            if done.returncode != 0:
                failed = f"exit {done.returncode}: {done.stderr.strip()[-300:]}"
        except subprocess.TimeoutExpired:
            failed = f"no end after {TIMEOUT_S} s"
        lines = [json.loads(line) for line in Path(out.name).read_text().splitlines()]
        if busy is not None:
            others = (busy_s() - busy - children_s() + own) / (time.monotonic() - start)
            for line in lines:
                line["others_cpu"] = round(max(others, 0.0), 2)
    return lines + ([{"package": package, "failed": failed}] if failed else [])


def load():
    return [round(load, 2) for load in os.getloadavg()]


def now():
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def output(*command):
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        models = [line for line in lines if line.startswith("model name")]
        return models[0].split(":", 1)[1].strip()
    except (OSError, IndexError):
        return platform.machine()


# The settings of the server that affect the figures.
SERVER_SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes",
                   "wal_sync_method", "wal_level", "commit_delay", "shared_buffers",
                   "max_wal_size", "checkpoint_timeout", "autovacuum", "max_connections")


def server():
    """Returns the settings of the PostgreSQL server and the address over which it is reached.
    Without a server the result is empty. A server that may lose commits is refused."""
    url = os.environ.get("BENCH_PG_URL")
    if not url:
        return {}
    names = ", ".join(f"'{name}'" for name in SERVER_SETTINGS)
    sql = ("SELECT json_object_agg(name, current_setting(name) ORDER BY name) || '' "
           f"FROM pg_settings WHERE name IN ({names})")
    place = "SELECT coalesce(host(inet_client_addr()), 'a socket')"
    psql = os.environ.get("BENCH_PSQL", "psql")
    done = subprocess.run([psql, "-X", "-A", "-t", "-d", url, "-c", sql, "-c", place],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"psql cannot read the settings of the server: {done.stderr.strip()}")
    settings, place = done.stdout.strip().rsplit("\n", 1)
    settings = json.loads(settings)
    for name in ("fsync", "synchronous_commit"):
        if settings[name] != "on":
            sys.exit(f"the server has `{name} = {settings[name]}`: it may lose acknowledged "
                     "commits, so its figures are not comparable")
    return {"postgres": settings | {"reached_over": place}}


def begin():
    settings = {name: text for name, text in sorted(os.environ.items())
                if name.startswith("BENCH_")
                and name not in ("BENCH_DIR", "BENCH_OUT", "BENCH_PG_URL", "BENCH_PSQL")}
    yield {"run": {
        "date": now(),
        "commit": output("git", "rev-parse", "--short=12", "HEAD"),
        "changed_since": bool(output("git", "status", "--porcelain", "--", "..")),
        "rustc": output("rustc", "--version"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "load": load(),
        "settings": settings,
    } | server()}


def end():
    yield {"run_end": {"date": now(), "load": load()}}


def cases(*packages):
    for package in packages:
        yield from run(package)


def race(rounds):
    """Runs each set of sides `rounds` times: A B, A B, .."""
    try:
        yield from all_races(gates.gates(), rounds)
    finally:
        if PGBENCH_TABLES.pop("made", False):
            pgbench("-i", "-I", "d")


def http(rounds):
    """Runs the sides of the server's gates in the same way."""
    yield from all_races(gates.http_gates(), rounds)


def all_races(of_gates, rounds):
    done = set()
    for gate in of_gates:
        name = gates.race_of(gate.sides)
        if name in done or not all(can_run(side) for side in gate.sides):
            continue
        done.add(name)
        for index in range(int(rounds)):
            for number, side in enumerate(gate.sides):
                yield {"race": name, "round": index, "side": number} | take(side)


def can_run(side):
    """Returns true if the side's program is built and its store is selected."""
    if side.package == gates.PGBENCH:
        return side.is_on(os.environ.get("BENCH_STORES", "memory").split(",")) and has_pgbench()
    program = TARGET / "release" / ("bench-" + side.package.removeprefix("p-"))
    return side.is_on(os.environ.get("BENCH_STORES", "memory").split(",")) and program.exists()


def take(side):
    """Runs a side, and returns its first line with the other figures added by name."""
    if side.package == gates.PGBENCH:
        return simple_update()
    settings = {"BENCH_ONLY": side.name, "BENCH_REPS": "1", "BENCH_MIN_MS": GATE_MIN_MS}
    if side.cases:
        settings["BENCH_CASES"] = side.cases
    if side.commands:
        settings["BENCH_CMDS_N1"] = settings["BENCH_CMDS_N1000"] = str(side.commands)
    lines = run(side.package, **settings)
    if not lines:
        return {"failed": f"{side.package} has no case `{side.name}`"}
    first = lines[0]
    for line in lines:
        if "name" in line:
            first[line["name"].rsplit("/", 1)[-1]] = line["median"]
        elif "failed" in line:
            first["failed"] = line["failed"]
    return first


# Set under "made" if the tables of pgbench exist.
PGBENCH_TABLES = {}
PGBENCH_SCALE = "10"


def pgbench_program():
    """Returns the path of pgbench, which is beside psql, or None if it is not installed."""
    return shutil.which(str(Path(os.environ.get("BENCH_PSQL", "psql")).with_name("pgbench")))


def has_pgbench():
    if not os.environ.get("BENCH_PG_URL"):
        return False
    if pgbench_program() is None:
        print("pgbench is not installed: its rounds are skipped", file=sys.stderr)
        return False
    return True


def pgbench(*arguments):
    return subprocess.run([pgbench_program(), *arguments, os.environ["BENCH_PG_URL"]],
                          capture_output=True, text=True, check=False, timeout=TIMEOUT_S)


def simple_update():
    """Runs the built-in transaction `simple-update` of pgbench with 64 clients."""
    if not PGBENCH_TABLES:
        made = pgbench("-i", "-q", "-s", PGBENCH_SCALE)
        if made.returncode != 0:
            return {"failed": f"pgbench -i: {made.stderr.strip()[-300:]}"}
        PGBENCH_TABLES["made"] = True
    # It opens its connections first, and counts whole seconds.
    seconds = str(max(3, round(int(GATE_MIN_MS) / 1000)))
    done = pgbench("-n", "-b", "simple-update", "-c", "64", "-j", str(os.cpu_count()),
                   "-M", "prepared", "-T", seconds)
    rate = re.search(r"^tps = ([0-9.]+)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not rate:
        return {"failed": f"pgbench: {(done.stderr or done.stdout).strip()[-300:]}"}
    return {"system": "pgbench", "store": "postgres", "cmds_per_s": round(float(rate[1])),
            "clients": 64, "scale": int(PGBENCH_SCALE)}


def disk():
    """Measures the file of each system after one round on 1,000 accounts, with its log copied into
    it."""
    for package, name in gates.ON_DISK:
        if not (TARGET / "release" / ("bench-" + package.removeprefix("p-"))).exists():
            continue
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
            lines = run(package, BENCH_ONLY=name, BENCH_CASES="1000x64", BENCH_REPS="1",
                        BENCH_MIN_MS="1", BENCH_CMDS_N1000="4000", BENCH_CAP_MS="30000",
                        BENCH_KEEP="1", BENCH_DIR=folder)
            line = lines[0] if lines else {"failed": f"{package} has no case `{name}`"}
            if "failed" in line:
                yield {"package": package, "failed": line["failed"]}
                continue
            folders = sorted(Path(folder).iterdir(),
                             key=lambda path: int(path.name.rsplit("-", 1)[-1]))
            if not folders:
                yield {"package": package, "failed": f"`{name}` has left no file"}
                continue
            # The first folder belongs to the warm-up round.
            last = folders[-1]
            size = sum(file_bytes(path) for path in last.iterdir()
                       if path.suffix in (".db", ".sqlite"))
            # The opening of each account is a command too.
            value = round(size / (line["commands"] + line["n"]), 1)
            yield {
                "kind": "disk", "name": name.removesuffix("/FULL"), "unit": "bytes/command",
                "reps": 1, "median": value, "min": value, "max": value,
                "note": f"the file after {line['commands'] + line['n']:,} commands on "
                        f"{line['n']:,} accounts, its log copied into it",
            }


def file_bytes(path):
    """Copies the log of a database into its file, and returns the size of the file."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    return path.stat().st_size


def pieces():
    for path in sorted((TARGET / "criterion").glob("**/new/estimates.json")):
        benchmark = json.loads((path.parent / "benchmark.json").read_text())
        estimates = json.loads(path.read_text())
        typical = estimates["slope"] or estimates["mean"]
        interval = estimates["median"]["confidence_interval"]
        yield {
            "kind": "piece", "name": benchmark["full_id"], "unit": "ns", "reps": 1,
            "median": round(estimates["median"]["point_estimate"], 1),
            "min": round(interval["lower_bound"], 1), "max": round(interval["upper_bound"], 1),
            "note": f"mean {typical['point_estimate']:,.0f} ns; min and max are the median's 95 % "
                    "confidence interval",
        }


def main():
    out, what, *arguments = sys.argv[1:]
    parts = {"begin": begin, "cases": cases, "gates": race, "http": http, "disk": disk,
             "pieces": pieces, "end": end}
    lines = parts[what](*arguments)
    with open(out, "a") as file:
        for line in lines:
            text = json.dumps(line, ensure_ascii=False, sort_keys=True)
            print(text, file=file, flush=True)
            print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
