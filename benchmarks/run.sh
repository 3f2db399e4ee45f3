#!/usr/bin/env bash
# Runs the peers, the limits and fluvius on the same work:
#
#   ./run.sh                    the memory store: cases, gates in 5 interleaved rounds, pieces
#   ./run.sh --stores memory,file,sqlite,postgres
#   ./run.sh --stores memory,sqlite     with SQLite's gates and file sizes, about 25 minutes
#   ./run.sh --stores postgres --only gates             PostgreSQL's gates
#   ./run.sh --stores postgres --only cases choices     the client, and ways to assign positions
#   ./run.sh --stores sqlite,postgres --only http       the server, about an hour (README.md)
#   ./run.sh --rounds 9         number of rounds of the gates
#   ./run.sh --only gates       only these parts, of: cases,gates,disk,pieces,http (not a default)
#   ./run.sh --quick            short rounds, to check that everything works
#   ./run.sh --figures          also writes the table to FIGURES.md
#   ./run.sh p-fluvius limits   only these packages (gates with other packages are skipped)
#
# One hot account for ten minutes:
#
#   BENCH_ONLY=hot-account BENCH_HOT_S=600 ./run.sh --stores postgres --only cases p-fluvius
#
# Variables:
#   CARGO_TARGET_DIR   default: target/ in this folder
#   BENCH_OUT          the result file, default: results/DATE.jsonl
#   BENCH_DIR          the folder of the file stores
#   BENCH_PG_URL       a server; by default a private server is started, if PostgreSQL is installed
# README.md lists the variables of the single programs.
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
    -*) sed -n '2,25s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) wanted="$wanted $1"; shift ;;
  esac
done

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$here/target}
export CARGO_INCREMENTAL=0
export BENCH_STORES=$stores
export BENCH_OUT=${BENCH_OUT:-$here/results/$(date -u +%Y%m%dT%H%M%SZ).jsonl}
if [ -n "$quick" ]; then
  export BENCH_REPS=1 BENCH_MIN_MS=50 BENCH_CAP_MS=500 BENCH_GATE_MS=50 BENCH_TWO_MS=500
  export BENCH_EVENTS=50000 BENCH_HOT_S=3 BENCH_SUBSCRIPTION_MS=300
  export BENCH_HTTP_S=${BENCH_HTTP_S:-1} BENCH_HTTP_WARM_UP_S=${BENCH_HTTP_WARM_UP_S:-0.5}
fi
if [ -z "${BENCH_DIR:-}" ]; then
  BENCH_DIR=$(mktemp -d -t bench-data.XXXXXX)
  export BENCH_DIR
  own_data=$BENCH_DIR
fi
has() { case ",$1," in *",$2,"*) return 0 ;; *) return 1 ;; esac; }

pg_stop=""
# The schemas for the start-up, which are removed if the server is not private.
filled="bench_filled_10000, bench_filled_$((${BENCH_EVENTS:-1000000} / 1000 * 1000))"
clean_up() {
  if [ -z "$pg_stop" ] && [ -n "${BENCH_PG_URL:-}" ] && has "$stores" postgres; then
    "${BENCH_PSQL:-psql}" -X -q -d "$BENCH_PG_URL" \
      -c "DROP SCHEMA IF EXISTS $filled CASCADE" 2> /dev/null || true
  fi
  [ -z "$pg_stop" ] || eval "$pg_stop"
  [ -z "${own_data:-}" ] || rm -rf "$own_data"
}
trap clean_up EXIT

# All packages are built first, so that no compiler runs during a measurement.
if [ -z "$wanted" ] && [ "$parts" = gates ]; then
  wanted=$(python3 -c "import gates; print(*gates.packages('$stores'.split(',')))")
elif [ -z "$wanted" ] && [ "$parts" = http ]; then
  wanted=http
elif [ -z "$wanted" ]; then
  wanted="limits p-cqrs-es p-eventcore p-distributed p-fluvius"
  if has "$stores" sqlite || has "$stores" postgres; then wanted="$wanted p-evento"; fi
  if has "$stores" postgres; then wanted="$wanted p-esrs p-disintegrate choices"; fi
  if has "$parts" http; then wanted="$wanted http"; fi
fi
built=""
for package in $wanted; do
  features=""
  for store in sqlite postgres; do
    if has "$stores" $store && grep -q "^$store = " "$package/Cargo.toml"; then
      features="$features $store"
    fi
  done
  if cargo build --release --quiet --features "$features" \
    --manifest-path "$package/Cargo.toml"; then
    built="$built $package"
  else
    echo "{\"package\":\"$package\",\"failed\":\"build\"}" >> "$BENCH_OUT"
  fi
done
if has "$parts" pieces && has "$stores" memory; then
  cargo bench --quiet -p bench-pieces --no-run
fi

if has "$stores" postgres && [ -z "${BENCH_PG_URL:-}" ]; then
  bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
  if [ -n "$bin" ]; then
    export BENCH_PSQL=$bin/psql
    pg=$(mktemp -d -t bench-pg.XXXXXX)
    free_port="import socket; s = socket.socket(); s.bind(('127.0.0.1', 0))"
    free_port="$free_port; print(s.getsockname()[1])"
    port=${BENCH_PG_PORT:-$(python3 -c "$free_port")}
    # PostgreSQL refuses to run as root.
    as() { if [ "$(id -u)" = 0 ]; then su postgres -c "$*"; else bash -c "$*"; fi; }
    if [ "$(id -u)" = 0 ]; then chown postgres "$pg"; fi
    as "$bin/initdb -D $pg/data -A trust -U postgres -E UTF8 --locale=C" > /dev/null
    {
      printf "port = %s\nlisten_addresses = '127.0.0.1'\n" "$port"
      printf "unix_socket_directories = '%s'\n" "$pg"
      printf "max_connections = 200\nfsync = on\nsynchronous_commit = on\n"
    } >> "$pg/data/postgresql.conf"
    as "$bin/pg_ctl -D $pg/data -l $pg/log -w start" > /dev/null
    pg_stop="as \"$bin/pg_ctl -D $pg/data -m fast stop\" > /dev/null; rm -rf \"$pg\""
    export BENCH_PG_URL="postgres://postgres@127.0.0.1:$port/postgres"
  else
    echo "PostgreSQL is not installed: its cases are skipped" >&2
  fi
fi

python3 measure.py "$BENCH_OUT" begin
# shellcheck disable=SC2086 # a list of words
if has "$parts" cases; then python3 measure.py "$BENCH_OUT" cases ${built/ http/}; fi
if has "$parts" gates; then python3 measure.py "$BENCH_OUT" gates "$rounds"; fi
if has "$parts" http; then python3 measure.py "$BENCH_OUT" http "$rounds"; fi
if has "$parts" disk && has "$stores" sqlite; then python3 measure.py "$BENCH_OUT" disk; fi
if has "$parts" pieces && has "$stores" memory; then
  rm -rf "$CARGO_TARGET_DIR/criterion"
  # shellcheck disable=SC2086 # an optional word
  cargo bench --quiet -p bench-pieces -- ${quick:+--quick} >&2
  python3 measure.py "$BENCH_OUT" pieces
fi
python3 measure.py "$BENCH_OUT" end
if [ -n "$figures" ]; then python3 table.py "$BENCH_OUT" > FIGURES.md; fi
python3 table.py "$BENCH_OUT"
echo "results: ${BENCH_OUT#"$here"/}" >&2
