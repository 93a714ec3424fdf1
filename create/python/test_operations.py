"""`python -m unittest`: an operation is a function, so its tests need no server."""

import unittest

from operations import OPERATIONS
from run import Facts, Rejected, Run


async def run(name: str, value) -> tuple[object, list[tuple[float, str]]]:
    """Runs an operation. Returns its result, and what it reported."""
    reports: list[tuple[float, str]] = []

    async def report(fraction: float, message: str) -> None:
        reports.append((fraction, message))

    facts = Facts(jobId="job", tenant="demo", attempt=1, redriveCount=0, fence=1)
    return await OPERATIONS[name](Run(value, facts, report)), reports


class Words(unittest.IsolatedAsyncioTestCase):
    async def test_counts_words(self):
        result, reports = await run("python.words", {"text": "One two, two"})
        self.assertEqual(result, {"words": {"one": 1, "two": 2}, "attempt": 1})
        self.assertEqual(reports, [(0.5, "counting")])

    async def test_rejects_an_input_without_a_text(self):
        with self.assertRaises(Rejected):
            await run("python.words", {})


if __name__ == "__main__":
    unittest.main()
