#!/usr/bin/env python3
"""The time from SIGTERM to the end of the bank's server with 100 open streams of events:

    cargo build --release -p banking-domain
    benchmarks/shutdown.py target/release/banking-domain [ROUNDS]

Five senders with a token each follow the events by 20 streams, the maximum of a sender. An idle
keep-alive connection is open too. The bound is 2 s; the script exits with 1 if a round exceeds it.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

SECRET = b"0123456789abcdef0123456789abcdef"
SENDERS, STREAMS, BOUND = 5, 20, 2.0


def token():
    """Returns the token of a new sender."""
    now = int(time.time())
    claims = {
        "iss": "bench", "aud": "bank", "sub": str(uuid.uuid4()), "realm": "bench", "iat": now,
        "exp": now + 600,
    }
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.new(SECRET, text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def connect(port, request):
    """Sends a request, and returns the connection once its answer has begun."""
    stream = socket.create_connection(("127.0.0.1", port))
    stream.sendall(f"{request}\r\n\r\n".encode())
    answer = stream.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200"):
        sys.exit(f"the server answers {answer!r}")
    return stream


def run(program, folder):
    """Returns the seconds from SIGTERM to the end of the process."""
    with open(os.path.join(folder, "secret"), "wb") as file:
        file.write(SECRET)
    arguments = ["serve", "--listen", "127.0.0.1:0", "--jwt-secret-file", file.name]
    arguments += ["--issuer", "bench", "--audience", "bank"]
    server = subprocess.Popen([program, *arguments], cwd=folder, stderr=subprocess.PIPE, text=True)
    port = None
    for line in server.stderr:
        found = re.search(r"127\.0\.0\.1:(\d+)", line)
        if found:
            port = int(found.group(1))
            break
    if port is None:
        sys.exit("the server does not name its address")
    connections = [connect(port, "GET /livez HTTP/1.1\r\nhost: localhost")]
    for sender in [token() for _ in range(SENDERS)]:
        request = "GET /transaction-manager/events HTTP/1.1\r\nhost: localhost\r\n"
        request += f"accept: text/event-stream\r\nauthorization: Bearer {sender}"
        connections += [connect(port, request) for _ in range(STREAMS)]
    begun = time.monotonic()
    server.send_signal(signal.SIGTERM)
    status = server.wait(60)
    took = time.monotonic() - begun
    if status != 0:
        sys.exit(f"the server has ended with {status}")
    for connection in connections:
        connection.close()
    return took


def main():
    program = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    times = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            times.append(run(program, folder))
    shown = ", ".join(f"{took:.3f}" for took in times)
    print(f"median {statistics.median(times):.3f} s of {shown}; the bound is {BOUND} s")
    sys.exit(max(times) > BOUND)


if __name__ == "__main__":
    main()
