#!/usr/bin/env bash
# Peers, limits and fluvius on the same work, in one run:
#
#   ./run.sh                        the memory store: all cases, the gates in 5 interleaved rounds, the pieces
#   ./run.sh --stores memory,file,sqlite,postgres
#   ./run.sh --stores memory,sqlite      with SQLite's gates and the sizes of the files, about 25 minutes
#   ./run.sh --stores postgres --only gates   PostgreSQL's gates
#   ./run.sh --stores postgres --only cases choices   the client, and how positions are given
#   BENCH_ONLY=hot-account BENCH_HOT_S=600 ./run.sh --stores postgres --only cases p-fluvius   ten minutes on one
#   ./run.sh --rounds 9             rounds of the gates
#   ./run.sh --only gates           only these parts, of: cases,gates,disk,pieces
#   ./run.sh --quick                short rounds, to see that everything works
#   ./run.sh --figures              writes the table to FIGURES.md as well
#   ./run.sh p-fluvius limits       only these packages' cases (no gates where a package is missing)
#
# Variables: CARGO_TARGET_DIR (else target/ in this folder), BENCH_OUT (else results/DATE.jsonl), BENCH_DIR (where file
# stores lie), BENCH_PG_URL (a server; without it a private one is started, where PostgreSQL is installed), and what
# README.md names for a single program.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"

stores=${BENCH_STORES:-memory} rounds=5 parts=cases,gates,disk,pieces quick="" figures="" wanted=""
while [ $# -gt 0 ]; do
  case $1 in
    --stores) stores=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --only) parts=$2; shift 2 ;;
    --quick) quick=1; shift ;;
    --figures) figures=1; shift ;;
    -*) sed -n '2,19s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) wanted="$wanted $1"; shift ;;
  esac
done

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$here/target}
export CARGO_INCREMENTAL=0
export BENCH_STORES=$stores
export BENCH_OUT=${BENCH_OUT:-$here/results/$(date -u +%Y%m%dT%H%M%SZ).jsonl}
if [ -n "$quick" ]; then
  export BENCH_REPS=1 BENCH_MIN_MS=50 BENCH_CAP_MS=500 BENCH_GATE_MS=50 BENCH_TWO_MS=500 BENCH_EVENTS=50000
  export BENCH_HOT_S=3
fi
if [ -z "${BENCH_DIR:-}" ]; then
  BENCH_DIR=$(mktemp -d -t bench-data.XXXXXX)
  export BENCH_DIR
  own_data=$BENCH_DIR
fi
has() { case ",$1," in *",$2,"*) return 0 ;; *) return 1 ;; esac; }

pg_stop=""
clean_up() {
  [ -z "$pg_stop" ] || eval "$pg_stop"
  [ -z "${own_data:-}" ] || rm -rf "$own_data"
}
trap clean_up EXIT

# Everything is built first, so that no compiler runs beside a measurement.
if [ -z "$wanted" ] && [ "$parts" = gates ]; then
  wanted=$(python3 -c "import gates; print(*gates.packages('$stores'.split(',')))")
elif [ -z "$wanted" ]; then
  wanted="limits p-cqrs-es p-eventcore p-distributed p-fluvius"
  if has "$stores" sqlite || has "$stores" postgres; then wanted="$wanted p-evento"; fi
  if has "$stores" postgres; then wanted="$wanted p-esrs p-disintegrate choices"; fi
fi
built=""
for package in $wanted; do
  features=""
  for store in sqlite postgres; do
    if has "$stores" $store && grep -q "^$store = " "$package/Cargo.toml"; then features="$features $store"; fi
  done
  if cargo build --release --quiet --features "$features" --manifest-path "$package/Cargo.toml"; then
    built="$built $package"
  else
    echo "{\"package\":\"$package\",\"failed\":\"build\"}" >> "$BENCH_OUT"
  fi
done
if has "$parts" pieces && has "$stores" memory; then cargo bench --quiet -p bench-pieces --no-run; fi

if has "$stores" postgres && [ -z "${BENCH_PG_URL:-}" ]; then
  bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
  if [ -n "$bin" ]; then
    export BENCH_PSQL=$bin/psql
    pg=$(mktemp -d -t bench-pg.XXXXXX)
    free_port="import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"
    port=${BENCH_PG_PORT:-$(python3 -c "$free_port")}
    # A server does not run as root.
    as() { if [ "$(id -u)" = 0 ]; then su postgres -c "$*"; else bash -c "$*"; fi; }
    if [ "$(id -u)" = 0 ]; then chown postgres "$pg"; fi
    as "$bin/initdb -D $pg/data -A trust -U postgres -E UTF8 --locale=C" > /dev/null
    {
      printf "port = %s\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\n" "$port" "$pg"
      printf "max_connections = 200\nfsync = on\nsynchronous_commit = on\n"
    } >> "$pg/data/postgresql.conf"
    as "$bin/pg_ctl -D $pg/data -l $pg/log -w start" > /dev/null
    pg_stop="as \"$bin/pg_ctl -D $pg/data -m fast stop\" > /dev/null; rm -rf \"$pg\""
    export BENCH_PG_URL="postgres://postgres@127.0.0.1:$port/postgres"
  else
    echo "no PostgreSQL here: its cases are left out" >&2
  fi
fi

python3 measure.py "$BENCH_OUT" begin
# shellcheck disable=SC2086 # a list of words
if has "$parts" cases; then python3 measure.py "$BENCH_OUT" cases $built; fi
if has "$parts" gates; then python3 measure.py "$BENCH_OUT" gates "$rounds"; fi
if has "$parts" disk && has "$stores" sqlite; then python3 measure.py "$BENCH_OUT" disk; fi
if has "$parts" pieces && has "$stores" memory; then
  rm -rf "$CARGO_TARGET_DIR/criterion"
  # shellcheck disable=SC2086 # no word, or two
  cargo bench --quiet -p bench-pieces -- ${quick:+--quick} >&2
  python3 measure.py "$BENCH_OUT" pieces
fi
python3 measure.py "$BENCH_OUT" end
if [ -n "$figures" ]; then python3 table.py "$BENCH_OUT" > FIGURES.md; fi
python3 table.py "$BENCH_OUT"
echo "results: ${BENCH_OUT#"$here"/}" >&2
