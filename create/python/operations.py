"""The operations of this worker: a name, and what it runs. The other files here serve the protocol."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from run import Rejected, Run

MAX_ATTEMPTS = 5
TIMEOUT_MS = 60_000


async def words(run: Run) -> dict:
    """{text}: how often each word stands in a text. An exception would fail the attempt, which is tried again."""
    text = run.input.get("text") if isinstance(run.input, dict) else None
    if not isinstance(text, str):
        raise Rejected("text must be a text")  # no other attempt can do this job
    await run.report(0.5, "counting")
    counts = Counter(re.findall(r"\w+", text.lower()))
    return {"words": dict(counts), "attempt": run.facts.attempt}


OPERATIONS: dict[str, Callable[[Run], Awaitable[Any]]] = {"python.words": words}
