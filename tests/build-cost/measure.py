#!/usr/bin/env python3
"""What one more action costs `cargo build`: the slope from 50 to 200 actions, in seconds.

The script generates two crates, with 50 and with 200 actions in aggregates of 10. It builds one
after the other (`touch`, `cargo build`), in the dev profile of this workspace, with the
dependencies already built. Each pair gives one slope. The script prints all slopes, their median
and their spread, in seconds of wall-clock time and of processor time. The gate applies to the
processor time, which other programs on the machine affect less. It applies to builds without
incremental compilation, which compile the whole crate. With it, the compiler repeats only a part,
which is the time that an author waits.

    tests/build-cost/measure.py [--pairs 5] [--target-dir DIR] [--features schema]

Exit code 1 if the median of processor time without incremental compilation reaches the gate.
"""

import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SMALL, LARGE = 50, 200
ACTIONS_PER_AGGREGATE = 10
GATE_SECONDS = 0.1

HEAD = """
//! Generated: {count} actions.

use fluvius_core::{{Rejection, aggregate}};
use rust_decimal::Decimal;
use serde::{{Deserialize, Serialize}};

/// Why a command is refused.
#[derive(Debug, thiserror::Error, Rejection)]
pub enum Refusal {{
    /// The amount is zero or less.
    #[error("The amount must be positive")]
    NotPositive,
}}

fn positive(amount: Decimal) -> Result<Decimal, Refusal> {{
    if amount > Decimal::ZERO {{ Ok(amount) }} else {{ Err(Refusal::NotPositive) }}
}}
"""

AGGREGATE = """
/// A thing with a name and an amount.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thing{number} {{
    /// Its name.
    pub name: String,
    /// Its amount.
    pub amount: Decimal,
}}

#[aggregate(resource = "thing{number}")]
impl Thing{number} {{{actions}}}
"""

CREATE = """
    /// Create a thing.
    #[action(evt_key = "thing{number}-created")]
    pub fn create_thing{number}(
        /// How much of it there is.
        amount: Decimal,
        /// What it is called.
        name: String,
    ) -> Result<Self, Refusal> {{
        Ok(Self {{ name, amount: positive(amount)? }})
    }}
"""

CHANGE = """
    /// Change a thing in the {action}th way.
    #[action(evt_key = "thing{number}-changed{action}")]
    pub fn change{action}_thing{number}(
        &mut self,
        /// How much is added.
        amount: Decimal,
        /// What it is called from now on.
        name: String,
    ) -> Result<(), Refusal> {{
        self.amount = self.amount.checked_add(positive(amount)?).ok_or(Refusal::NotPositive)?;
        self.name = name;
        Ok(())
    }}
"""

DOMAIN = """
/// Domain of all things.
#[derive(fluvius_core::Domain)]
#[domain(aggregates({aggregates}))]
pub struct ThingsDomain;
"""


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pairs", type=int, default=5, help="how often both are built")
    options.add_argument("--target-dir", help="where to build, to be used again")
    options.add_argument("--features", default="", help="features of fluvius-core, with commas")
    options = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="fluvius-build-cost-") as folder:
        folder = pathlib.Path(folder)
        generate(folder, options.features)
        target = pathlib.Path(options.target_dir or folder / "target").resolve()
        full = measure(folder, target, options.pairs, incremental=False)
        measure(folder, target, options.pairs, incremental=True)
    print(f"gate: {GATE_SECONDS} s of processor time an action, without incremental compilation")
    sys.exit(0 if full < GATE_SECONDS else 1)


def generate(folder, features):
    """A workspace with one crate a size, under this repository's own profile and lock file."""
    manifest = (ROOT / "Cargo.toml").read_text()
    listed = ", ".join(f'"{feature}"' for feature in features.split(",") if feature)
    profile = manifest[manifest.index("[profile.dev]"):]
    members = ", ".join(f'"actions-{count}"' for count in (SMALL, LARGE))
    (folder / "Cargo.toml").write_text(
        f'[workspace]\nresolver = "3"\nmembers = [{members}]\n\n{profile}'
    )
    shutil.copy(ROOT / "Cargo.lock", folder / "Cargo.lock")
    for count in (SMALL, LARGE):
        crate = folder / f"actions-{count}"
        (crate / "src").mkdir(parents=True)
        (crate / "Cargo.toml").write_text(
            f"""[package]
name = "actions-{count}"
version = "0.0.0"
edition = "2024"

[dependencies]
fluvius-core = {{ path = "{ROOT / 'fluvius-core'}", features = [{listed}] }}
rust_decimal = {{ version = "1", default-features = false, features = ["std", "serde"] }}
serde = {{ version = "1", features = ["derive"] }}
thiserror = "2"
"""
        )
        (crate / "src" / "lib.rs").write_text(source(count))


def source(count):
    aggregates = range(count // ACTIONS_PER_AGGREGATE)
    parts = [HEAD.format(count=count).lstrip()]
    for number in aggregates:
        actions = [CREATE.format(number=number)]
        for action in range(1, ACTIONS_PER_AGGREGATE):
            actions.append(CHANGE.format(number=number, action=action))
        parts.append(AGGREGATE.format(number=number, actions="".join(actions)))
    names = ", ".join(f"Thing{number}" for number in aggregates)
    parts.append(DOMAIN.format(aggregates=names))
    return "".join(parts)


def measure(folder, target, pairs, incremental):
    """Builds both crates in turn; prints the slopes and gives the median of processor time."""
    environment = dict(
        os.environ, CARGO_TARGET_DIR=str(target), CARGO_INCREMENTAL="1" if incremental else "0"
    )
    for count in (SMALL, LARGE):
        build(folder, count, environment)
    slopes = []
    title = "with" if incremental else "without"
    print(f"{title} incremental compilation, {pairs} pairs:")
    for pair in range(pairs):
        # Every other pair the other way round, so that a machine that slows down shows in both.
        order = (SMALL, LARGE) if pair % 2 == 0 else (LARGE, SMALL)
        spent = {count: build(folder, count, environment) for count in order}
        both = zip(spent[SMALL], spent[LARGE])
        slopes.append([(large - small) / (LARGE - SMALL) for small, large in both])
        print(
            f"  {SMALL} actions {told(spent[SMALL])}, {LARGE} actions {told(spent[LARGE])}: "
            f"{slopes[-1][0]:.4f} s an action, {slopes[-1][1]:.4f} s of processor time",
            flush=True,
        )
    medians = []
    for name, values in zip(("by the clock", "of processor time"), zip(*slopes)):
        medians.append(statistics.median(values))
        print(
            f"  median {medians[-1]:.4f} s {name} an action, "
            f"from {min(values):.4f} to {max(values):.4f}"
        )
    return medians[1]


def told(spent):
    return f"{spent[0]:.2f} s ({spent[1]:.2f} s)"


def build(folder, count, environment):
    (folder / f"actions-{count}" / "src" / "lib.rs").touch()
    start, processor_start = time.monotonic(), processor_time()
    built = subprocess.run(
        ["cargo", "build", "--quiet", "--offline", "--package", f"actions-{count}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    if built.returncode != 0:
        sys.exit(built.stderr)
    return time.monotonic() - start, processor_time() - processor_start


def processor_time():
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
