"""The operations that `throughline conformance` asks for. A worker of your own does not need them."""

import asyncio
from dataclasses import asdict
from typing import Any

import httpx
from run import Rejected, Run


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
        await asyncio.sleep(run.input.get("everyMs", 300) / 1000)
    return {"steps": steps}


async def baggage(run: Run) -> dict:
    async with httpx.AsyncClient() as client:
        return {"status": (await client.get(run.input["url"])).status_code}


async def info(run: Run) -> dict:
    return asdict(run.facts)


async def big(run: Run) -> dict:
    return {"text": "x" * run.input["bytes"]}


CONFORMANCE = {
    f"conformance.{operation.__name__}": operation
    for operation in (echo, fail, reject, retry, sleep, progress, baggage, info, big)
}
