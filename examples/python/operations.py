"""The operations of this worker. This file is yours to change: `place_order` shows what an operation may do."""

import asyncio
import contextvars
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from conformance import CONFORMANCE
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from redis.asyncio import Redis
from run import Run
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


OPERATIONS: dict[str, Callable[[Run], Awaitable[Any]]] = {"example.order": place_order, **CONFORMANCE}
