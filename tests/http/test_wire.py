"""Bytes that no library would send, to a real process: one request is one request, whatever they say."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from tidings.bootstrap.demo import free_port

POST = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n"
HIDDEN = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
SILENT, SLOW, FLOOD = 1_000, 50, 1_000
REFUSED = {
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 7\r\n\r\n{}" + HIDDEN,
    "a list of lengths": POST + b"Content-Length: 2, 7\r\n\r\n{}" + HIDDEN,
    "a length with a sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "a length below nothing": POST + b"Content-Length: -1\r\n\r\n{}",
    "an encoding that is none": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunked and then not": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + HIDDEN,
    "two encodings": POST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"
    + HIDDEN,
    "a folded header": GET + b"X: a\r\n b\r\n\r\n",
    "a header with a NUL": GET + b"X: a\x00b\r\n\r\n",
}


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("wire"), free_port()
    environment = {**os.environ, "TIDINGS_DATA": str(folder / "data")}
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "tidings", "serve", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            for _ in range(600):
                try:
                    httpx.get(f"http://127.0.0.1:{port}/health")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            process.wait(60)
    assert "unexpected error" not in (folder / "log").read_text()


def answers(port, sent, *, cut=False):
    """The status of every answer that comes of these bytes until the connection is closed or quiet."""
    heard = b""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(sent)
        if cut:
            connection.shutdown(socket.SHUT_WR)
        try:
            while piece := connection.recv(65536):
                heard += piece
        except TimeoutError:
            pass
    return [int(line.split()[1]) for line in heard.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
def test_sec_23_what_can_be_read_in_two_ways_is_refused_with_all_that_follows(port, sent):
    assert answers(port, sent) == [400]


@pytest.mark.parametrize(
    "sent",
    [
        POST + b"Transfer-Encoding: chunked\r\n\r\n2;\n\r\n{}\r\n0\r\n\r\n",
        POST + b"Content-Length: 9\r\n\r\n{}",
    ],
)
def test_a_body_that_is_garbled_or_cut_off_is_no_fault_of_ours(port, sent):
    assert answers(port, sent, cut=True) in ([400], [])


def test_a_thousand_who_say_nothing_and_a_flood_of_nonsense_keep_nobody_else_waiting(port):
    """F22: fifty more send a body that never ends, and somebody asks for what is not there all the time."""
    slow = POST + b"Content-Length: 100000\r\n\r\n{"
    address, over, seen = f"http://127.0.0.1:{port}", threading.Event(), Counter()

    def flood():
        with httpx.Client(base_url=address) as client:
            while not over.is_set():
                seen[client.get("/nothing/of/the/kind").status_code] += 1

    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(4))
        stack.callback(over.set)
        for number in range(SILENT + SLOW):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            connection.sendall(slow if number < SLOW else b"")
        floods = [pool.submit(flood) for _ in range(4)]
        other = stack.enter_context(httpx.Client(base_url=address, timeout=10))
        for _ in range(50):
            assert other.get("/ready").status_code == 200
            assert other.post("/api/auth/login", json={}).status_code in (400, 429)
        while sum(seen.values()) < FLOOD and not any(each.done() for each in floods):
            time.sleep(0.1)
        over.set()
        for each in floods:
            each.result()
    assert set(seen) <= {404, 429}
