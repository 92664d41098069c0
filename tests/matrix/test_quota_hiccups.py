"""Several processes and a real Redis server that has hiccups: no process sends too much."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from matrix.tally import TALLY
from support.quota_worker import Orders, Worker, most_in_a_window
from support.redis_server import HICCUPS, PRESENT, Hiccup, RedisServer
from support.samples import sample

pytest.importorskip("redis", reason="needs redis-server's Python client: the package redis")
if not PRESENT:
    pytest.skip("needs redis-server, the program", allow_module_level=True)

PREFIX = "fivetran_async:{account}:"
LIMIT, WINDOW = 40, 1.0
LONG_ENOUGH = 10**9
"""More jobs than there is time for."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server for one test, which ruins it."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


def disturbed(server: RedisServer, workers: list[Worker], kinds: list[Hiccup]) -> list[list[float]]:
    """Let the server have hiccups while the workers send, and return when they sent."""
    chance = random.Random(7)  # noqa: S311 - a simulation
    for worker in workers:
        worker.wait_until_ready()
    try:
        time.sleep(1.5)
        for kind in kinds:
            server.suffer(kind, PREFIX, milliseconds=chance.choice((300, 1_500, 2_600)))
            time.sleep(chance.uniform(0.1, 1.0))
            server.recover(kind, PREFIX)
            time.sleep(chance.uniform(0.3, 1.5))
        time.sleep(1.5)
    finally:
        sent = [worker.finish(timeout=120) for worker in workers]
    return sent


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_hiccup_lets_a_process_send_too_much(server: RedisServer) -> None:
    """
    Three processes pace themselves through every hiccup; none ever sends more than the quota.

    Siblings: late, restarted, read-only, evicted, flushed, wrong type, in random order.
    """
    kinds = list(HICCUPS) * sample(1, 8)
    random.Random(3).shuffle(kinds)  # noqa: S311 - a simulation
    orders = Orders(
        port=server.port,
        limit=LIMIT,
        window=WINDOW,
        jobs=LONG_ENOUGH,
        tasks=60,
        on_unavailable="local",
    )
    sent = disturbed(server, [Worker(orders) for _ in range(3)], kinds)
    # It must be of use, too: each process sent in more than two windows.
    assert all(len(arrivals) > LIMIT for arrivals in sent)
    TALLY.cases("quota hiccups", len(kinds))
    TALLY.count("over-admission", sum(max(0, most_in_a_window(a, WINDOW) - LIMIT) for a in sent))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_hiccups_that_keep_the_keys_let_no_fleet_send_too_much(server: RedisServer) -> None:
    """
    Three processes that refuse to send without the store: together they keep the quota.

    Siblings: late, read-only, wrong type; what a loss of keys does to several processes at once is
    the subject of the other test.
    """
    kinds: list[Hiccup] = ["late", "read-only", "wrong type"] * sample(1, 8)
    orders = Orders(
        port=server.port,
        limit=LIMIT,
        window=WINDOW,
        jobs=LONG_ENOUGH,
        tasks=60,
        on_unavailable="refuse",
    )
    sent = disturbed(server, [Worker(orders) for _ in range(3)], kinds)
    together = [arrival for arrivals in sent for arrival in arrivals]
    assert len(together) > LIMIT
    TALLY.cases("quota hiccups", len(kinds))
    TALLY.count("over-admission", max(0, most_in_a_window(together, WINDOW) - LIMIT))
