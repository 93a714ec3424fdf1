"""The operations of this worker. `place_order` shows what yours may do; the others are those of `throughline conformance`."""

import asyncio
import contextvars
import os
import threading
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from redis.asyncio import Redis
from sqlalchemy import StaticPool, create_engine, text

MAX_ATTEMPTS = 5
TIMEOUT_MS = 60_000
tracer = trace.get_tracer("throughline-example")

# These make a client span of each call, as a child of the current span, and send `traceparent` and `baggage` with HTTP.
HTTPXClientInstrumentor().instrument()
RedisInstrumentor().instrument()
engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
SQLAlchemyInstrumentor().instrument(engine=engine)
database = threading.Lock()  # SQLite in memory is one connection
redis = Redis.from_url(os.environ["REDIS_URL"]) if "REDIS_URL" in os.environ else None


class Rejected(Exception):
    """The operation will never do this job. It is not tried again."""


@dataclass
class Facts:
    jobId: str
    tenant: str
    attempt: int
    redriveCount: int
    fence: int  # grows with each attempt: a database can refuse writes of an older one


@dataclass
class Run:
    input: Any
    facts: Facts
    report: Callable[[float, str], Awaitable[None]]  # a fraction from 0 to 1, and a message


async def place_order(run: Run) -> dict:
    """{item, url?}: SQL, Redis and HTTP calls as child spans, and work in the background that keeps the context."""
    # asyncio.to_thread and create_task copy the context. A bare thread does not: it runs in a copy that we make.
    orders = await asyncio.to_thread(insert_order, run.input["item"], run.facts.fence)
    if redis:
        await redis.incr(f"orders:{run.input['item']}")
    thread = threading.Thread(target=contextvars.copy_context().run, args=(in_background, "background thread"))
    thread.start()
    task = asyncio.create_task(asyncio.to_thread(in_background, "background task"))
    status = await get(run.input["url"]) if "url" in run.input else None
    await task
    await asyncio.to_thread(thread.join)
    return {"orders": orders, "status": status}


def insert_order(item: str, fence: int) -> int:
    with database, engine.begin() as connection:
        connection.execute(text("create table if not exists orders (item text, fence integer)"))
        connection.execute(text("insert into orders values (:item, :fence)"), {"item": item, "fence": fence})
        return connection.execute(text("select count(*) from orders where item = :item"), {"item": item}).scalar_one()


def in_background(name: str) -> None:
    with tracer.start_as_current_span(name):
        pass  # work that belongs to the job


async def get(url: str) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).status_code


async def echo(run: Run) -> Any:
    return run.input


async def fail(run: Run) -> None:
    raise RuntimeError(run.input.get("message", "it failed"))


async def reject(run: Run) -> None:
    raise Rejected("it cannot be done")


async def retry(run: Run) -> dict:
    if run.facts.attempt <= run.input["failures"]:
        raise RuntimeError("not yet")
    return {"attempt": run.facts.attempt}


async def sleep(run: Run) -> dict:
    # An abort cancels the asyncio task. Code in threads must look at a flag of its own.
    await asyncio.sleep(run.input["ms"] / 1000)
    return {"slept": run.input["ms"]}


async def progress(run: Run) -> dict:
    steps = run.input["steps"]
    for step in range(1, steps + 1):
        await run.report(step / steps, f"step {step}")
        await asyncio.sleep(0.3)
    return {"steps": steps}


async def baggage(run: Run) -> dict:
    return {"status": await get(run.input["url"])}


async def info(run: Run) -> dict:
    return asdict(run.facts)


async def big(run: Run) -> dict:
    return {"text": "x" * run.input["bytes"]}


OPERATIONS: dict[str, Callable[[Run], Awaitable[Any]]] = {
    "example.order": place_order,
    **{f"conformance.{operation.__name__}": operation for operation in (echo, fail, reject, retry, sleep)},
    **{f"conformance.{operation.__name__}": operation for operation in (progress, baggage, info, big)},
}
