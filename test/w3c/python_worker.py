"""The worker of examples/python, with one more operation: the calls that the W3C's suite asks of a service."""

import asyncio
import os

import httpx
from operations import OPERATIONS, Run
from telemetry import start_tracing
from worker import Worker


async def call(run: Run) -> dict:
    """[{url, arguments}]: posts the arguments to each URL."""
    async with httpx.AsyncClient() as client:
        for target in run.input:
            await client.post(target["url"], json=target["arguments"])
    return {"calls": len(run.input)}


OPERATIONS["w3c.python"] = call
tracing = start_tracing()
asyncio.run(Worker(dict(os.environ)).run())
tracing.shutdown()
