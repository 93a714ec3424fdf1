"""A producer on plain NATS: publishes one job, in a span that continues the trace of its caller."""

import asyncio
import json
import os
import uuid
from datetime import UTC, datetime

from client import connect
from opentelemetry import context, propagate, trace
from telemetry import start_tracing


async def submit(url: str, tenant: str, operation: str, value) -> str:
    """Publishes a job, and waits until JetStream has it. Returns the job id."""
    job_id = str(uuid.uuid4())
    # `Nats-Msg-Id` makes it safe to publish again within two minutes when no acknowledgement comes.
    headers = {
        "Nats-Msg-Id": job_id,
        "ce-specversion": "1.0",
        "ce-id": job_id,
        "ce-source": "/python-producer",
        "ce-type": "dev.throughline.job.submitted",
        "ce-time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "content-type": "application/json",
    }
    connection = await connect(url)
    with trace.get_tracer("throughline-example").start_as_current_span(
        f"send {operation}", kind=trace.SpanKind.PRODUCER, attributes={"messaging.system": "nats"}
    ):
        propagate.inject(headers)  # traceparent, tracestate and baggage
        subject = f"jobs.normal.{pooled_lane(tenant)}.{tenant}.{job_id}.{operation}"
        await connection.jetstream().publish(subject, json.dumps(value).encode(), headers=headers)
    await connection.drain()
    return job_id


def pooled_lane(tenant: str) -> str:
    """All jobs of a tenant are in one lane: FNV-1a of 32 bits over its name."""
    lane = 0x811C9DC5
    for byte in tenant.encode():
        lane = ((lane ^ byte) * 0x01000193) & 0xFFFFFFFF
    return f"p{lane % 4}"


if __name__ == "__main__":
    env = os.environ
    tracing = start_tracing()
    # A program that is started by a traced one gets the context in its environment.
    names = {"TRACEPARENT": "traceparent", "TRACESTATE": "tracestate", "BAGGAGE": "baggage"}
    context.attach(propagate.extract({header: env[name] for name, header in names.items() if name in env}))
    tenant, operation = env["CONFORMANCE_TENANT"], env["CONFORMANCE_OPERATION"]
    print(asyncio.run(submit(env["NATS_URL"], tenant, operation, json.loads(env["CONFORMANCE_INPUT"]))))
    tracing.shutdown()
