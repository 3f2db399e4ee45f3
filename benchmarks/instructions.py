#!/usr/bin/env python3
"""Counts the instructions and the allocations of a deposit, by valgrind's callgrind:

    cargo build --release -p bench-http
    ./instructions.py target/release/bench-http                     # all systems, in memory
    ./instructions.py target/release/bench-http fluvius --top 40    # and its functions

Unlike processor time, the counts stay the same on a busy machine: two runs differ by less than
1 %. They leave out the kernel and the waits of the caches. callgrind runs one thread at a time.
The store is the memory of the process, so that the rest is HTTP and the command.

Names of functions need a program with CARGO_PROFILE_RELEASE_DEBUG=line-tables-only.
"""
import argparse
import collections
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import uuid

CLIENTS, ACCOUNTS, WARM_UP = 64, 1_000, 2_000
FIRST_ACCOUNT = 0x0192_0000_0000_7000_8000_0000_0000_0000
OPENING = '{"account_number":"0123456789","owner_name":"Ada Lovelace","initial_deposit":"1000000"}'


class Connection:
    """A keep-alive connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = port

    def send(self, account, command, body, headers=""):
        path = f"/transaction-manager/bank-account/{uuid.UUID(int=FIRST_ACCOUNT + account)}"
        head = f"POST {path}/{command} HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\n"
        head += f"content-type: application/json\r\n{headers}content-length: {len(body)}\r\n\r\n"
        self.socket.sendall((head + body).encode())

    def receive(self, status):
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.socket.recv(65_536)
        head, body = received.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"content-length: (\d+)", head, re.I)[1])
        while len(body) < length:
            body += self.socket.recv(65_536)
        if not head.startswith(b"HTTP/1.1 %d " % status):
            sys.exit(f"an answer is not {status}: {(head + body).decode()}")


def run(connections, count, status, send):
    """Sends requests in rounds of one on each connection."""
    for first in range(0, count, len(connections)):
        used = connections[: count - first]
        for offset, connection in enumerate(used):
            send(connection, first + offset)
        for connection in used:
            connection.receive(status)


def open_account(connection, number):
    connection.send(number, "open-account", OPENING)


def deposit(connection, number):
    amount = '{"amount":"%d.%02d"}' % (number % 100, number % 99 + 1)
    key = f"idempotency-key: {uuid.uuid4()}\r\n"
    connection.send(number * 7_919 % ACCOUNTS, "deposit-money", amount, key)


def callgrind(program, out, env):
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program]
    pipe = subprocess.PIPE
    env = dict(os.environ, **env)
    return subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)


def served(program, system, count, folder):
    """Returns the profile of the deposits that a server answers."""
    out = f"{folder}/{system}"
    env = {"BENCH_SERVER": system, "BENCH_SERVER_PLACE": "memory"}
    server = callgrind(program, out, env)
    port = int(server.stdout.readline())
    connections = [Connection(port) for _ in range(CLIENTS)]
    run(connections, ACCOUNTS, 201, open_account)
    run(connections, WARM_UP, 200, deposit)
    control = ["callgrind_control", str(server.pid)]
    subprocess.run([*control, "--zero"], check=True, capture_output=True)
    run(connections, count, 200, deposit)
    subprocess.run([*control, "--dump"], check=True, capture_output=True)
    server.stdin.close()
    server.wait()
    return Profile(f"{out}.1")


def in_process(program, folder):
    """Returns the instructions of a deposit without HTTP: two lengths, and their difference."""
    total, commands = [], []
    for seconds in ("2", "8"):
        out, lines = f"{folder}/in-process-{seconds}", f"{folder}/lines-{seconds}"
        callgrind(program, out, {
            "BENCH_STORES": "memory", "BENCH_ONLY": "in-process/", "BENCH_HTTP_WARM_UP_S": "0",
            "BENCH_HTTP_S": seconds, "BENCH_OUT": lines,
        }).communicate()
        total.append(Profile(out).total)
        with open(lines) as file:
            commands.append(json.loads(file.readline())["acknowledged"])
    return (total[1] - total[0]) / (commands[1] - commands[0])


class Profile:
    """The sums of a file of callgrind."""

    def __init__(self, path):
        names, self.own, self.inclusive = {}, collections.Counter(), collections.Counter()
        self.calls, function, callee, is_call = collections.Counter(), None, None, False
        with open(path) as file:
            for line in file:
                if found := re.match(r"(c?)fn=\((\d+)\)(?: (.*))?", line):
                    callee_of, number, name = found.groups()
                    names.setdefault(number, name)
                    if callee_of:
                        callee = number
                    else:
                        function = number
                elif found := re.match(r"calls=(\d+)", line):
                    self.calls[callee] += int(found[1])
                    is_call = True
                elif function and (found := re.match(r"[+\-*\d]\S* (\d+)$", line)):
                    if is_call and callee != function:
                        self.inclusive[callee] += int(found[1])
                    elif not is_call:
                        self.own[function] += int(found[1])
                    is_call = False
                elif found := re.match(r"(?:summary|totals): (\d+)", line):
                    self.total = int(found[1])
        for each in (self.own, self.inclusive, self.calls):
            for number in list(each):
                each[names[number].split("'")[0]] += each.pop(number)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("systems", nargs="*", default=["fluvius", "plain", "in-process"])
    parser.add_argument("--count", type=int, default=6_400, help="the deposits that are counted")
    parser.add_argument("--top", type=int, default=0, help="the number of functions to print")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for system in options.systems:
            if system == "in-process":
                print(f"{system}: {in_process(options.program, folder):,.0f} instructions")
                continue
            profile = served(options.program, system, options.count, folder)
            each = profile.total / options.count
            made = sum(profile.calls[name] for name in ("malloc", "calloc", "realloc"))
            print(f"{system}: {each:,.0f} instructions, {made / options.count:.1f} allocations")
            for title, costs in (("inclusive", profile.inclusive), ("own", profile.own)):
                for name, cost in costs.most_common(options.top):
                    print(f"    {title} {cost / options.count:10,.0f}  {name[:120]}")


if __name__ == "__main__":
    main()
