"""What an operation gets, and how it refuses its job."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


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
