"""One delivery of a job message: from the message to the answer, as docs/PROTOCOL.md asks it of a worker."""

import asyncio
import json
import re
import time
from contextlib import suppress
from datetime import UTC, datetime

from job import CALLBACK_ENDS, CALLBACK_URL, ENDS, Job, Record, read_record, to_text
from nats.js.errors import APIError
from operations import MAX_ATTEMPTS, OPERATIONS, TIMEOUT_MS
from opentelemetry import context, propagate, trace
from run import Facts, Rejected, Run

WRONG_LAST_SEQUENCE = (10071, 10164)
RETRY_MS = 100
PROGRESS_PAUSE_S = 0.25
LARGEST_RESULT = 512 * 1024
tracer = trace.get_tracer("throughline-example")


class Delivery:
    def __init__(self, worker, message, consumer_created: datetime):
        self.worker, self.message, self.js = worker, message, worker.js
        self.job = Job(message)
        self.is_young = message.metadata.timestamp > consumer_created
        self.abort_reason: str | None = None
        self.operation: asyncio.Task | None = None
        self.sequence = 0  # of the job's event that the next event of this attempt follows
        self.write = asyncio.Lock()  # the events of an attempt are written one after the other
        self.last_beat = time.monotonic()
        self.last_progress = 0.0

    async def handle(self) -> None:
        """Runs in an asyncio task of its own, so what is attached to the context here is seen by this job only."""
        job = self.job
        # The span of the attempt continues the trace of the message. A broken `traceparent` starts a new trace.
        context.attach(propagate.extract(job.headers.trace_context()))
        attributes = {
            "messaging.system": "nats",
            "messaging.operation.type": "process",
            "messaging.destination.name": "JOBS",
            "messaging.message.id": job.id,
            "throughline.job.id": job.id,
            "throughline.job.operation": job.operation,
            "throughline.job.tenant": job.tenant,
        }
        name = f"process {job.operation}"
        with tracer.start_as_current_span(name, kind=trace.SpanKind.CONSUMER, attributes=attributes) as self.span:
            self.carrier: dict[str, str] = {}
            propagate.inject(self.carrier)
            beats = asyncio.create_task(self.keep_alive())
            try:
                await self._begin()
            finally:
                beats.cancel()

    def abort(self, reason: str) -> None:
        """Ends the operation early: `cancelled`, `stopping`, `timeout`, or `taken` by another delivery."""
        self.abort_reason = self.abort_reason or reason
        if self.operation:
            self.operation.cancel()

    def on_cancel(self, sequence: int) -> None:
        # A notice for an earlier message of the job is not for this one.
        if sequence >= self.message.metadata.sequence.stream:
            self.abort("cancelled")

    async def keep_alive(self) -> None:
        """Keeps the message. While the operation runs, it also looks whether the job is still ours."""
        while True:
            await asyncio.sleep(self.worker.ack_wait_s / 4)
            with suppress(Exception):  # NATS cannot be asked now; the next beat tries again
                await self.message.in_progress()
                self.last_beat = time.monotonic()
                if self.operation and not self.operation.done():
                    await self._look()

    async def _look(self) -> None:
        record = await read_record(self.js, self.job)
        self.on_cancel(record.cancel_sequence or -1)
        if record.sequence > self.sequence and not self._is_own(record):
            self.abort("taken")

    async def _begin(self) -> None:
        job, message = self.job, self.message
        if job.fault:
            return await self._refuse(Record(), "message-invalid", job.fault, 1)
        deliveries = message.metadata.num_delivered
        if job.operation not in OPERATIONS:
            # Another host of the group may have it, so the pauses stay short. No event is written, so no attempt is spent.
            return await message.nak(min(1, 0.01 * deliveries))
        is_first = deliveries == 1 and self.is_young and not job.redrive_count and not job.published_again
        if job.operation in self.worker.paused:
            return await self._hand_back(await read_record(self.js, job))
        await self._claim(is_first, Record() if is_first else await read_record(self.js, job))

    async def _claim(self, is_first: bool, record: Record) -> None:
        """Starts the attempt, if the record of the job allows it. Nothing runs before `started` is stored."""
        if record.is_unreadable:
            return await self._refuse(record, "record-unreadable", "the last event cannot be read", 0)
        if record.is_over(self.job):
            return await self.message.ack()
        self._prepare(record)
        self.on_cancel(record.cancel_sequence or -1)
        if self.abort_reason == "cancelled":
            return await self._end_cancelled()
        if self.number > self.max_attempts:
            return await self._refuse(record, "attempts-spent", "no attempt ended", self.number - 1)
        beat = self.last_beat
        if not await self._append("started"):
            now = await read_record(self.js, self.job)
            if self._is_own(now):  # only the acknowledgement was lost
                self.sequence = now.sequence
            elif (now.last and now.last["kind"] != "redriven" and not now.is_over(self.job)) and (
                is_first or now.sequence != record.sequence
            ):
                return  # another delivery has the job: no answer, so the message comes again after its ack wait
            else:
                return await self._claim(False, now)
        self.fence = self.sequence
        if time.monotonic() - beat > self.worker.ack_wait_s * 0.8:
            await self._look()  # this process was paused, so the job may be another worker's by now
        await self._operate()

    def _prepare(self, record: Record) -> None:
        last = record.last or {}
        self.sequence = record.sequence
        self.previous = (last.get("traceId"), last.get("spanId"))
        self.number, self.released = last.get("attempt", 0) + 1, last.get("released", 0)
        # A message that cannot be read has one attempt.
        self.max_attempts = 1 if self.job.fault else min(self.job.max_attempts or MAX_ATTEMPTS, MAX_ATTEMPTS)
        self.started_at = to_text(datetime.now(UTC))

    async def _operate(self) -> None:
        job = self.job
        self._link_previous()
        facts = Facts(job.id, job.tenant, self.number, job.redrive_count, self.fence)
        limit_s = min(job.timeout_ms or TIMEOUT_MS, TIMEOUT_MS) / 1000
        timer = asyncio.get_running_loop().call_later(limit_s, self.abort, "timeout")
        # A task copies the context, so the spans of the operation become children of this attempt's span.
        self.operation = asyncio.create_task(OPERATIONS[job.operation](Run(job.input, facts, self._report)))
        if self.abort_reason:
            self.operation.cancel()
        try:
            result = await self.operation
            size = len(json.dumps(result, allow_nan=False).encode())
        except asyncio.CancelledError:
            return await self._end_aborted()
        except Exception as error:  # whatever an operation raises is the end of its attempt only
            self.span.record_exception(error)
            is_final = isinstance(error, Rejected)
            code = "operation-rejected" if is_final else "operation-failed"
            return await self._end_failed(code, str(error) or type(error).__name__, is_final)
        finally:
            timer.cancel()
        if size > LARGEST_RESULT:
            return await self._end_failed("result-too-large", f"the result has {size} bytes", True)
        await self._record("succeeded", result=result)

    def _link_previous(self) -> None:
        """The spans of the attempts of a job link to each other."""
        try:
            trace_id, span_id = (int(part, 16) for part in self.previous)
        except (TypeError, ValueError):
            return  # the first attempt, or one after a worker without spans
        self.span.add_link(trace.SpanContext(trace_id, span_id, is_remote=True))

    async def _report(self, fraction: float, message: str) -> None:
        """What `Run.report` does. More than four reports in a second are not recorded."""
        if time.monotonic() - self.last_progress >= PROGRESS_PAUSE_S:
            self.last_progress = time.monotonic()
            await self._append("progress", progress={"fraction": fraction, "message": message})
            self.last_progress = time.monotonic()  # the event before may have delayed this one

    async def _end_aborted(self) -> None:
        if self.abort_reason == "cancelled":
            await self._end_cancelled()
        elif self.abort_reason == "stopping":
            # The attempt is not spent: `attempt` is the number of those that are.
            self.number, self.released = self.number - 1, self.released + 1
            await self._record("released")
        elif self.abort_reason == "timeout":
            await self._end_failed("operation-timeout", "the attempt took too long", False)
        # `taken`: another delivery has the job, and this one gets no answer.

    async def _end_cancelled(self) -> None:
        await self._record("cancelled", error={"code": "job-cancelled", "message": "cancelled by its caller"})

    async def _end_failed(self, code: str, message: str, is_final: bool) -> None:
        self.span.set_status(trace.StatusCode.ERROR, message)
        error = {"code": code, "message": message}
        if is_final or self.number >= self.max_attempts:
            await self._bury(error, self.number)
        else:
            await self._record("retrying", error=error, retryInMs=RETRY_MS)

    async def _refuse(self, record: Record, code: str, message: str, attempt: int) -> None:
        """Ends a job that cannot start."""
        self._prepare(record)
        self.number = attempt
        self.span.set_status(trace.StatusCode.ERROR, message)
        await self._bury({"code": code, "message": message}, attempt)

    async def _bury(self, error: dict, attempt: int) -> None:
        """The dead letter is stored before the event `failed`, so a failed job can always be redriven."""
        job = self.job
        # Headers that begin with `Nats-` command the server.
        kept = {k: v for k, v in (self.message.headers or {}).items() if not k.lower().startswith("nats-")}
        dead = kept | {
            "Nats-Msg-Id": f"{job.id}:dead{job.suffix}",
            "throughline-dead-reason": error["code"],
            "throughline-dead-attempts": str(attempt),
            "throughline-dead-message": json.dumps(error["message"][:300]),
        }
        await self.js.publish(f"dead.{job.path}.{job.operation}", self.message.data, headers=dead)
        await self._record("failed", error=error)

    async def _hand_back(self, record: Record) -> None:
        """Its operation is paused. `released` says that no worker has the job, unless the last event says so already."""
        if record.is_over(self.job) or record.is_unreadable:
            return await self._claim(False, record)
        self._prepare(record)
        if record.last is None or record.last["kind"] in ("started", "progress"):
            self.number, self.released, self.started_at = self.number - 1, self.released + 1, None
            await self._append("released")
        await self.message.nak(1)

    async def _record(self, kind: str, **more) -> None:
        """Stores how the attempt ended, and answers. If the record has changed meanwhile, the record decides."""
        while True:
            body = await self._append(kind, **more)
            if body:
                return await self._answer(kind, body, more)
            now = await read_record(self.js, self.job)
            is_own = self._is_own(now)
            if is_own and now.last["kind"] == kind:  # only the acknowledgement was lost
                return await self._answer(kind, json.dumps(now.last).encode(), more)
            if now.is_over(self.job):
                return await self.message.ack()
            if not is_own and kind not in ENDS:
                return  # another delivery has the job
            self.sequence = now.sequence

    def _is_own(self, record: Record) -> bool:
        last = record.last or {}
        return (last.get("worker"), last.get("startedAt")) == (self.worker.name, self.started_at)

    async def _answer(self, kind: str, body: bytes, more: dict) -> None:
        if kind == "retrying":
            return await self.message.nak(more["retryInMs"] / 1000)
        if kind == "released":
            return await self.message.nak()
        await self._store_callback(kind, body)
        await (self.message.term() if kind == "failed" else self.message.ack())

    async def _store_callback(self, kind: str, body: bytes) -> None:
        job = self.job
        url = job.headers.fitting("throughline-callback-url", CALLBACK_URL)
        wanted = job.headers.get("throughline-callback-events", ",".join(ENDS))
        # A callback header that cannot be read means no callback.
        if url is None or re.fullmatch(CALLBACK_ENDS, wanted) is None or kind not in wanted.split(","):
            return
        task = self._cloud_event(kind, f"{job.id}:end{job.suffix}", to_text(datetime.now(UTC)))
        task |= {"Nats-Msg-Id": f"{job.id}:callback{job.suffix}", "throughline-callback-url": url}
        await self.js.publish(f"callbacks.{job.path}", body, headers=task)

    async def _append(self, kind: str, **more) -> bytes | None:
        """Writes an event after the job's last one. Returns its body; None if another event is there already."""
        async with self.write:
            job = self.job
            span = self.span.get_span_context()
            body = {
                "kind": kind,
                "jobId": job.id,
                "operation": job.operation,
                "attempt": self.number,
                "maxAttempts": self.max_attempts,
                "released": self.released,
                "acceptedAt": job.accepted_at,
                "startedAt": self.started_at,
                "at": to_text(datetime.now(UTC)),
                "worker": self.worker.name,
                "traceId": trace.format_trace_id(span.trace_id),
                "spanId": trace.format_span_id(span.span_id),
            }
            # A field without a value is left out; a result may be null.
            body = {k: v for k, v in (body | job.repeated() | more).items() if v is not None or k == "result"}
            data = json.dumps(body).encode()
            try:
                ack = await self.js.publish(f"events.{job.path}", data, headers=self._headers_of(body))
            except APIError as error:
                if error.err_code in WRONG_LAST_SEQUENCE:
                    return None
                raise
            if ack.duplicate:
                return None
            self.sequence = ack.seq
            return data

    def _headers_of(self, body: dict) -> dict[str, str]:
        """The headers repeat what the body says, for readers of headers only."""
        repeated = {
            "throughline-operation": body["operation"],
            "throughline-attempt": body["attempt"],
            "throughline-max-attempts": body["maxAttempts"],
            "throughline-accepted-at": body["acceptedAt"],
            "throughline-started-at": body.get("startedAt"),
            "throughline-trace-id": body["traceId"],
            "throughline-error-code": body.get("error", {}).get("code"),
            "throughline-tags": ",".join(body.get("tags", [])) or None,
            "throughline-redrive-count": body.get("redriveCount"),
            "throughline-previous-trace-ids": ",".join(body.get("previousTraceIds", [])) or None,
            "Nats-Expected-Last-Subject-Sequence": self.sequence,
        }
        event_id = self._id_of(body)
        fixed = self._cloud_event(body["kind"], event_id, body["at"]) | {"Nats-Msg-Id": event_id}
        return fixed | {name: str(value) for name, value in repeated.items() if value is not None}

    def _id_of(self, body: dict) -> str:
        kind, job = body["kind"], self.job
        if kind in ENDS:
            return f"{job.id}:end{job.suffix}"
        if kind == "progress":
            return f"{job.id}:{self.number}:progress:{body['at']}{job.suffix}"
        return f"{job.id}:{self.number}:{self.released}:{kind}{job.suffix}"

    def _cloud_event(self, kind: str, event_id: str, at: str) -> dict[str, str]:
        return self.carrier | {
            "ce-specversion": "1.0",
            "ce-id": event_id,
            "ce-source": f"/{self.worker.name}",
            "ce-type": f"dev.throughline.job.{kind}",
            "ce-time": at,
            "content-type": "application/json",
        }
