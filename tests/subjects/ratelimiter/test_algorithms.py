"""The two ways to count on a real Redis, and what happens when it holds writes."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from redis.asyncio import Redis

from demo.subjects.ratelimiter.algorithms import KEEP_MS, Decision, LocalWindows, algorithms, now_us, redis_key
from demo.subjects.ratelimiter.limits import Algorithm, RateLimit
from demo.subjects.ratelimiter.redis_counter import RedisCounter
from tests.support.ratelimiter_system import own_redis, until_async

pytestmark = pytest.mark.anyio

TIGHT = RateLimit("key", "exact", 5, 0.4, 1.0)


async def admitted_at_once(redis: Redis, algorithm: Algorithm, limit: RateLimit, calls: int) -> int:
    decide = algorithms(redis)[algorithm]
    await asyncio.gather(*(redis.ping() for _ in range(calls)))  # every connection open before the race
    decisions = await asyncio.gather(*(decide(limit, f"{algorithm}:{n}") for n in range(calls)))
    return sum(decision.admitted for decision in decisions)


@pytest.mark.system
async def test_in_one_step_sixty_at_once_are_five_and_reading_first_lets_more_in(tmp_path: Path) -> None:
    async with own_redis() as (_, connect):
        redis = connect(5.0)
        assert await admitted_at_once(redis, "exact", RateLimit("a", "exact", 5, 60.0, 1.0), 60) == 5
        assert await admitted_at_once(redis, "naive", RateLimit("b", "naive", 5, 60.0, 1.0), 60) > 5
        await redis.aclose()


@pytest.mark.system
@pytest.mark.parametrize("algorithm", ["exact", "naive"])
async def test_one_after_the_other_both_keep_the_limit_and_let_in_again_after_the_window(
    tmp_path: Path, algorithm: Algorithm
) -> None:
    async with own_redis() as (_, connect):
        redis = connect(5.0)
        decide = algorithms(redis)[algorithm]
        decisions = [await decide(TIGHT, str(n)) for n in range(50)]
        in_window = [d.at for d in decisions if d.admitted and d.at < decisions[0].at + TIGHT.window_us]
        assert len(in_window) == TIGHT.limit

        async def again() -> bool:
            return (await decide(TIGHT, "again")).admitted

        await until_async(again, 2.0)
        await redis.aclose()


@pytest.mark.system
async def test_the_exact_decision_is_by_the_time_of_redis_and_its_id_is_kept_for_the_audit(tmp_path: Path) -> None:
    async with own_redis() as (_, connect):
        redis = connect(5.0)
        before, asked = await redis.time(), now_us()
        decision = await algorithms(redis)["exact"](TIGHT, "id-1")
        after, answered = await redis.time(), now_us()
        score = await redis.zscore(redis_key("key"), "id-1")
        assert score is not None
        assert before[0] * 1_000_000 + before[1] <= score <= after[0] * 1_000_000 + after[1]
        assert asked <= decision.at <= answered
        assert KEEP_MS - 5000 < await redis.pttl(redis_key("key")) <= KEEP_MS
        await redis.aclose()


@pytest.mark.system
async def test_a_redis_whose_clock_was_set_back_lets_in_again_after_the_window(tmp_path: Path) -> None:
    async with own_redis() as (_, connect):
        redis = connect(5.0)
        decide = algorithms(redis)["exact"]
        seconds, micros = await redis.time()
        ahead = (seconds + 3600) * 1_000_000 + micros
        await redis.zadd(redis_key("key"), {f"id-{n}": ahead + n for n in range(TIGHT.limit)})
        assert not (await decide(TIGHT, "too soon")).admitted, "they still count as admitted"

        async def again() -> bool:
            return (await decide(TIGHT, "again")).admitted

        await until_async(again, 3.0)
        assert await redis.zcard(redis_key("key")) == TIGHT.limit + 1, "none of them is forgotten"
        await redis.aclose()


@pytest.mark.system
async def test_a_request_that_timed_out_is_not_carried_out_when_redis_writes_again(tmp_path: Path) -> None:
    async with own_redis() as (_, connect):
        redis, control = connect(5.0), connect(5.0)
        shared = RedisCounter(redis, "probe", 0.15)
        assert await shared.probe()
        await control.client_pause(10_000, all=False)
        late = [
            shared.decide(limit, f"late-{n}") for n, limit in enumerate([TIGHT, RateLimit("n", "naive", 5, 60.0, 1.0)])
        ]
        assert await asyncio.gather(*late) == [None, None]
        assert not shared.answers
        assert await control.ping()  # what a lesser health check would have asked
        await control.client_unpause()
        await until_async(shared.probe)
        assert await redis.zcard(redis_key("key")) == await redis.zcard(redis_key("n")) == 0
        await redis.aclose()
        await control.aclose()


@pytest.mark.system
async def test_while_redis_does_not_answer_no_further_request_waits_for_it(tmp_path: Path) -> None:
    async with own_redis() as (child, connect):
        shared = RedisCounter(connect(5.0), "probe", 0.2)
        assert await shared.probe()
        child.kill()
        await child.wait()
        assert await shared.decide(TIGHT, "first") is None
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert [await shared.decide(TIGHT, str(n)) for n in range(200)] == [None] * 200
        assert loop.time() - started < 0.2


def test_a_node_alone_gives_its_whole_limit_by_itself_and_slides() -> None:
    alone = LocalWindows()
    at_once = Counter(alone.decide(TIGHT, 1_000_000).admitted for _ in range(8))
    assert at_once == {True: 5, False: 3}
    assert alone.decide(TIGHT, 1_000_000 + TIGHT.window_us - 1) == Decision(False, 1_000_000 + TIGHT.window_us - 1)
    assert alone.decide(TIGHT, 1_000_000 + TIGHT.window_us).admitted
    assert LocalWindows().decide(TIGHT, 1_000_000).admitted
