"""A job message, and what the streams hold about its job (docs/PROTOCOL.md, "Job message" and "The event chain")."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

from nats.js.errors import NotFoundError

SUBJECT = r"jobs\.[^.]+\.[^.]+\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{1,64})\.([a-z][a-z0-9_-]*(?:\.[a-z][a-z0-9_-]*)*)"
TRACE_IDS = "[0-9a-f]{32}(,[0-9a-f]{32}){0,19}"
TAG = "[A-Za-z0-9][A-Za-z0-9_.:/=-]{0,63}"
ENDS = ("succeeded", "failed", "cancelled")
# An http or https URL without user name, password and fragment.
CALLBACK_URL = r"(?i:https?)://[A-Za-z0-9._:\[\]-]+([/?][!\"$-~]*)?"
CALLBACK_ENDS = f"({'|'.join(ENDS)})(,({'|'.join(ENDS)}))*"
# Of RFC 3339. `fromisoformat` reads more forms, such as weeks.
TIME = r"(?ai)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"


class Headers:
    """Header names are read in upper and lower case, because Go clients write `Traceparent`. Both together are a list.

    The attributes of a CloudEvent, `ce-…`, are decoded.
    """

    def __init__(self, headers: dict | None):
        self._values: dict[str, str] = {}
        for name, value in (headers or {}).items():
            key = name.lower()
            value = decode(value) if key.startswith("ce-") else value
            self._values[key] = f"{self._values[key]},{value}" if key in self._values else value

    def get(self, name: str, default=None) -> str | None:
        return self._values.get(name, default)

    def limit(self, name: str, most: int) -> int | None:
        """A whole number from 1 to `most`; None if the header is missing. Raises ValueError if it is anything else."""
        text = self.get(name)
        if text is not None and not (re.fullmatch(r"[1-9][0-9]{0,8}", text) and int(text) <= most):
            raise ValueError(f"{name} is not a whole number from 1 to {most}")
        return None if text is None else int(text)

    def fitting(self, name: str, pattern: str) -> str | None:
        """A header that does not fit counts as absent: no event can repeat it."""
        text = self.get(name, "")
        return text if re.fullmatch(pattern, text) else None

    def trace_context(self) -> dict[str, str]:
        """`traceparent`, `tracestate` and `baggage`.

        SDKs of CloudEvents write the first two as attributes. They count, as a pair, where there is no `traceparent`.
        """
        pair = "" if self.get("traceparent") is not None else "ce-"
        read = {name: self.get(f"{pair}{name}") for name in ("traceparent", "tracestate")}
        return {name: value for name, value in (read | {"baggage": self.get("baggage")}).items() if value}


class Job:
    """What a message says. `fault` says why it cannot be read."""

    def __init__(self, message):
        self.headers = Headers(message.headers)
        subject = re.fullmatch(SUBJECT, message.subject)
        unnamed = ("_unreadable", f"seq-{message.metadata.sequence.stream}", "unknown")
        self.tenant, self.id, self.operation = subject.groups() if subject else unnamed
        self.path = f"{self.tenant}.{self.id}"
        self.input = self.max_attempts = self.timeout_ms = self.fault = None
        try:
            if subject is None:
                raise ValueError("the subject is not that of a job")
            self.input = read_json(message.data)
            self.max_attempts = self.headers.limit("throughline-max-attempts", 100)
            self.timeout_ms = self.headers.limit("throughline-timeout-ms", 86_400_000)
        except ValueError as error:
            self.fault = str(error)
        self.accepted_at = self._accepted_at(message.metadata.timestamp)
        redrives = self.headers.get("throughline-redrive-count", "")
        self.redrive_count = int(redrives) if re.fullmatch(r"[1-9][0-9]{0,5}", redrives) else 0
        self.previous_trace_ids = split(self.headers.fitting("throughline-previous-trace-ids", TRACE_IDS)) or []
        self.published_again = self.headers.get("throughline-published-again") == "true"
        # From the first redrive on, all ids of the job end with this.
        self.suffix = f":{self.redrive_count}" if self.redrive_count else ""

    def repeated(self) -> dict:
        """What each event repeats in its body."""
        values = {
            "fingerprint": self.headers.fitting("throughline-fingerprint", "[0-9a-f]{64}"),
            "priority": self.headers.fitting("throughline-priority", "high|normal|low"),
            "orderingKey": self.headers.fitting("throughline-ordering-key", "[!-~]([ -~]{0,126}[!-~])?"),
            "tags": split(self.headers.fitting("throughline-tags", f"{TAG}(,{TAG}){{0,7}}")),
        }
        if self.redrive_count:
            values |= {"redriveCount": self.redrive_count, "previousTraceIds": self.previous_trace_ids}
        return values

    def _accepted_at(self, stored: datetime) -> str:
        text = self.headers.fitting("ce-time", TIME)
        try:
            return to_text(datetime.fromisoformat(text.upper()).astimezone(UTC) if text else stored)
        except (ValueError, OverflowError):
            return to_text(stored)


@dataclass
class Record:
    """The last event of a job (None: none since its last redrive), and its last cancel notice."""

    last: dict | None = None
    sequence: int = 0
    is_unreadable: bool = False
    cancel_sequence: int = 0

    def is_over(self, job: Job) -> bool:
        """Whether nothing may happen any more to the job of a message."""
        last = self.last or {}
        return last.get("kind") in ENDS or last.get("redriveCount", 0) > job.redrive_count


async def read_record(js, job: Job) -> Record:
    """Asks the leaders of the streams, so what they answer is the last."""
    cancel = await last_message(js, "CANCELS", f"cancel.{job.path}")
    stored = await last_message(js, "EVENTS", f"events.{job.path}")
    notice = notice_sequence(cancel.headers if cancel else None)
    record = Record(sequence=stored.seq if stored else 0, cancel_sequence=notice)
    if stored is None:
        return record
    try:
        event = read_json(stored.data)
        if not isinstance(event["kind"], str) or not isinstance(event["attempt"], int):
            raise ValueError("it is not an event")
    except (ValueError, KeyError, TypeError):
        record.is_unreadable = True
        return record
    # An event from before the redrive says nothing about the attempts of this message. Its sequence counts all the same.
    record.last = event if event.get("redriveCount", 0) >= job.redrive_count else None
    return record


def notice_sequence(headers: dict | None) -> int:
    """The sequence of the message that a cancel notice is for; 0 if another program wrote something else there."""
    sequence = int(Headers(headers).fitting("throughline-job-sequence", "[0-9]{1,16}") or 0)
    return sequence if sequence < 2**53 else 0


async def last_message(js, stream: str, subject: str):
    try:
        return await js.get_last_msg(stream, subject)
    except NotFoundError:
        return None


def read_json(data: bytes | None):
    def refuse(name):
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(data.decode(), parse_constant=refuse) if data else None
    except (ValueError, RecursionError) as error:  # RecursionError: it has too many levels
        raise ValueError(f"the body is not JSON: {error}") from error


def decode(text: str) -> str:
    """The value of an attribute of a CloudEvent. A `%` that begins no byte shows that its writer did not encode it."""
    return text if re.search("%(?![0-9A-Fa-f]{2})", text) else unquote(text)


def split(text: str | None) -> list[str] | None:
    return text.split(",") if text else None


def to_text(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
