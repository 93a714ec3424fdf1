"""Prints what the CloudEvents SDK of Python writes, and what it reads from our messages."""

import json
import sys
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from cloudevents.core.bindings import http
from cloudevents.core.bindings.http import HTTPMessage
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

FOLDER = Path(__file__).resolve().parent.parent
MODES = {"binary": http.to_binary, "structured": http.to_structured}


def read(name):
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def write(what, attributes, data):
    parsed = {
        "specversion": "1.0",
        **attributes,
        "time": datetime.fromisoformat(attributes["time"]),
    }
    event = CloudEvent(parsed, data)
    for mode, to_message in MODES.items():
        message = to_message(event, JSONFormat())
        yield {
            "what": what,
            "mode": mode,
            "headers": message.headers,
            "body": message.body.decode(),
        }


def text(value):
    if isinstance(value, datetime):
        utc = value.astimezone(timezone.utc)
        return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)


def understand(what, headers, body, **_):
    message = HTTPMessage(headers=headers, body=body.encode())
    is_structured = headers["content-type"].startswith("application/cloudevents")
    from_message = http.from_structured if is_structured else http.from_binary
    event = from_message(message, JSONFormat())
    attributes = {name: text(value) for name, value in event.get_attributes().items()}
    return {"what": what, "attributes": attributes, "data": event.get_data()}


result = {
    "sdk": "cloudevents (Python)",
    "version": version("cloudevents"),
    "written": [message for event in read("events.json") for message in write(**event)],
    "read": [understand(**message) for message in read("ours.json")],
}
json.dump(result, sys.stdout, ensure_ascii=False)
