#!/usr/bin/env bash
# Two servers of the bank over one PostgreSQL schema, behind the nginx of the guide: deposits into
# 1,000 accounts by 64 connections, once with the hash of the identifier, once in turn
# (round-robin).
#
#     FLUVIUS_POSTGRES_URL=postgres://.. ./balancers.sh [ROUNDS] [SECONDS]
#
# It needs nginx, wrk and psql (Debian's packages), uses the ports 9100 to 9102, and creates and
# drops the database `fluvius_balancers`. It prints the rates of each round and the ratio of each
# pair.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
root=$(cd .. && pwd)
rounds=${1:-5} seconds=${2:-10}
PATH=$PATH:/usr/sbin
accounts=1000

cargo build --release --locked --quiet --manifest-path "$root/Cargo.toml" -p banking-domain \
    --features postgres
work=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait || true
    psql --quiet "$FLUVIUS_POSTGRES_URL" \
        -c 'DROP DATABASE IF EXISTS fluvius_balancers WITH (FORCE)' || true
    rm -r "$work"
}
trap finish EXIT
psql --quiet "$FLUVIUS_POSTGRES_URL" -c 'DROP DATABASE IF EXISTS fluvius_balancers' \
    -c 'CREATE DATABASE fluvius_balancers'
database=$(sed -E 's#^([a-z]+://[^/?]*)(/[^?]*)?#\1/fluvius_balancers#' <<<"$FLUVIUS_POSTGRES_URL")

for port in 9101 9102; do
    "${CARGO_TARGET_DIR:-$root/target}/release/banking-domain" serve --listen "127.0.0.1:$port" \
        --store "$database" >"$work/$port.log" 2>&1 &
    pids+=($!)
    for _ in {1..100}; do
        curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz" && continue 2
        sleep 0.1
    done
    printf 'failed: the server on port %s did not start:\n' "$port" >&2
    cat "$work/$port.log" >&2
    exit 1
done

# The accounts have numbers in their identifiers, which wrk draws.
direct=http://127.0.0.1:9101/transaction-manager/bank-account
seq 0 $((accounts - 1)) | xargs -P 16 -I{} sh -c '
    id=$(printf "00000000-0000-4000-8000-%012d" "$1")
    curl --silent --fail-with-body --output /dev/null -X POST -H "content-type: application/json" \
        -d "{\"account_number\":\"$1\",\"owner_name\":\"Ada\",\"initial_deposit\":\"0\"}" \
        "$0/$id/open-account"' "$direct" {}

cat >"$work/deposit.lua" <<'LUA'
wrk.method = "POST"
wrk.body = '{"amount":"1"}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Host"] = "localhost"
function request()
    local id = string.format("00000000-0000-4000-8000-%012d", math.random(0, 999))
    return wrk.format(nil, "/transaction-manager/bank-account/" .. id .. "/deposit-money")
end
LUA

cp "$root/docs/examples/balancers/nginx.conf" "$work/hash.conf"
grep -q '^ *hash ' "$work/hash.conf"
sed '/^ *hash /d' "$work/hash.conf" >"$work/in-turn.conf"

# Prints the rate of one run.
run() {
    nginx -q -e "$work/errors" -c "$work/$1.conf" \
        -g "daemon off; pid $work/pid; error_log $work/errors;" &
    local nginx=$!
    for _ in {1..100}; do
        curl --silent --fail --output /dev/null http://127.0.0.1:9100/readyz && break
        sleep 0.1
    done
    wrk -t1 -c64 -d2s -s "$work/deposit.lua" http://127.0.0.1:9100 >/dev/null
    wrk -t1 -c64 "-d${seconds}s" --latency -s "$work/deposit.lua" http://127.0.0.1:9100 >"$work/out"
    kill "$nginx"
    wait "$nginx" || true
    if grep -q 'Non-2xx' "$work/out"; then
        cat "$work/out" >&2
        exit 1
    fi
    awk '/Requests\/sec/ { rate = $2 } /99%/ { p99 = $2 } END { print rate, p99 }' "$work/out"
}

printf 'round  hash/s  p99  in turn/s  p99  ratio\n'
for round in $(seq "$rounds"); do
    # The order changes, so that a trend of the machine favours neither.
    if ((round % 2)); then hash=$(run hash) in_turn=$(run in-turn); else
        in_turn=$(run in-turn) hash=$(run hash)
    fi
    awk -v round="$round" -v hash="$hash" -v turn="$in_turn" 'BEGIN {
        split(hash, h, " "); split(turn, t, " ")
        printf "%d  %s  %s  %s  %s  %.2f\n", round, h[1], h[2], t[1], t[2], h[1] / t[1] }'
done
