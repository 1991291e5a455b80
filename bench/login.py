"""Row `login`: signing in over HTTP, against bare argon2 with the same cost on as many threads."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher, Type

from bench.figures import Row, Side, cpu_of, memory_of, own_memory, per_piece, percentiles
from bench.load import drive, request
from bench.stage import staged
from tidings.adapters.security import MEMORY, PASSES, THREADS

CONNECTIONS = 4
EACH = 10
"""Sign-ins of one account: fewer than a stranger may try."""
PASSWORD = "a long and quiet sentence"


def login(requests: int) -> Row:
    """POST /api/auth/login, every one from an address and into a session of its own."""
    accounts = max(1, requests // EACH)
    with staged(environment={"TIDINGS_PROXIES": "127.0.0.0/8"}) as stage:
        for n in range(accounts):
            account = {"name": f"Person {n}", "email": f"person{n}@example.org", "password": PASSWORD}
            stage.service.post(
                "/api/auth/register", json=account, headers={"x-forwarded-for": _address(n)}
            ).raise_for_status()
        asked = [
            request(
                "POST",
                "/api/auth/login",
                stage.port,
                json.dumps({"email": f"person{n % accounts}@example.org", "password": PASSWORD}).encode(),
                {"content-type": "application/json", "x-forwarded-for": _address(n)},
            )
            for n in range(requests)
        ]
        pid = stage.processes["service"].pid
        before = cpu_of(pid)
        rate, p50, p99 = drive(stage.port, asked, CONNECTIONS)
        ours = Side(
            rate=rate,
            p50=p50,
            p99=p99,
            cpu=per_piece(before, cpu_of(pid), requests),
            memory=memory_of(pid),
            done=requests,
        )
    bare = _bare(requests)
    return Row(
        name="login",
        unit="sign-ins/s",
        ours=ours,
        bare=bare,
        ratio=ours.rate / bare.rate,
        what=f"password checked, budgets spent, session stored; bare: argon2 alone on {THREADS} threads",
    )


def _bare(checks: int) -> Side:
    hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY, parallelism=1, type=Type.ID)
    known = hasher.hash(PASSWORD)

    def check(_: int) -> float:
        began = time.perf_counter()
        hasher.verify(known, PASSWORD)
        return time.perf_counter() - began

    cpu, began = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        took = list(pool.map(check, range(checks)))
    p50, p99 = percentiles(took)
    return Side(
        rate=checks / (time.perf_counter() - began),
        p50=p50,
        p99=p99,
        cpu=(time.process_time() - cpu) / checks * 1e6,
        memory=own_memory(),
        done=checks,
    )


def _address(n: int) -> str:
    return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
