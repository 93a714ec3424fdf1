"""A worker on plain NATS, written from docs/PROTOCOL.md: `python worker.py`. The README names the variables it reads."""

import asyncio
import json
import os
import re
import secrets
import signal
import socket
import sys
from collections import OrderedDict
from datetime import UTC, datetime

from client import connect
from delivery import Delivery
from job import last_message, notice_sequence, read_json, to_text
from nats.errors import TimeoutError as NatsTimeout
from nats.js.errors import NotFoundError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from operations import MAX_ATTEMPTS, OPERATIONS, TIMEOUT_MS
from telemetry import start_tracing

SHARED_LANES = ("p0", "p1", "p2", "p3", "b0", "b1", "l0", "l1")
REMEMBERED_NOTICES = 10_000
RENEW_S = 30


class Worker:
    def __init__(self, env: dict[str, str]):
        self.url = env.get("NATS_URL", "nats://127.0.0.1:4222")
        self.name = env.get("WORKER_NAME", socket.gethostname())
        self.group = env.get("WORKER_GROUP", "python")
        # Names and prefixes; `image.*` means `image.>`, as for workers in Node.
        written = env.get("WORKER_OPERATIONS", "example.>").split(",")
        self.filters = sorted({re.sub(r"(^|\.)\*$", r"\1>", name.strip()) for name in written})
        self.ack_wait_s = float(env.get("WORKER_ACK_WAIT_MS", "30000")) / 1000
        self.stop_timeout_s = float(env.get("WORKER_STOP_TIMEOUT_MS", "20000")) / 1000
        self.concurrency = int(env.get("WORKER_CONCURRENCY", "64"))
        self.operations = [name for name in OPERATIONS if is_taken(name, self.filters)]
        self.host_key = f"$KV.HOSTS.{self.name.encode().hex()}-{secrets.token_hex(8)}"
        self.host = {"host": self.name, "version": "1", "group": self.group, "concurrency": self.concurrency}
        self.host |= {"since": to_text(datetime.now(UTC)), "leaseMs": 3 * RENEW_S * 1000, "operations": self.operations}
        self.slots = asyncio.Semaphore(self.concurrency)
        self.running: dict[asyncio.Task, Delivery] = {}
        self.notices: OrderedDict[str, int] = OrderedDict()  # the newest cancel notices: job to sequence
        self.paused: set[str] = set()
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        inbox = f"_INBOX_worker.{self.group}"
        self.connection = await connect(self.url, reconnected_cb=self.read_pauses, inbox_prefix=inbox)
        self.js = self.connection.jetstream()
        consumers = [await self.consumer(*route) for route in routes()]
        await self.connection.subscribe("cancel.>", cb=self.on_cancel)
        await self.connection.subscribe("$KV.OPERATIONS._paused.>", cb=self.on_pause)
        await self.read_pauses()
        await self.announce(is_start=True)
        renewing = asyncio.create_task(self.renew())
        takers = [asyncio.create_task(self.take(*consumer)) for consumer in consumers]
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, self.stopping.set)
        await self.stopping.wait()
        await self.stop(renewing, takers)

    async def consumer(self, priority: str, lane: str):
        """One durable consumer for each priority and lane; all hosts of the group share it. One that is there stays as it is."""
        name = f"{self.group}-{priority}-{lane}"
        try:
            info = await self.js.consumer_info("JOBS", name)
            if set(info.config.filter_subjects or [info.config.filter_subject]) != set(self.subjects(priority, lane)):
                raise SystemExit(f"the consumer {name} takes other operations than WORKER_OPERATIONS says")
        except NotFoundError:
            info = await self.js.add_consumer("JOBS", self.consumer_config(name, priority, lane))
        return await self.js.pull_subscribe_bind(consumer=name, stream="JOBS"), info.created

    def consumer_config(self, name: str, priority: str, lane: str) -> ConsumerConfig:
        # One filter has a field of its own: only then can NATS limit it.
        subjects = self.subjects(priority, lane)
        return ConsumerConfig(
            name=name,
            durable_name=name,
            filter_subject=subjects[0] if len(subjects) == 1 else None,
            filter_subjects=subjects if len(subjects) > 1 else None,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self.ack_wait_s,
            max_deliver=-1,
            max_ack_pending=1 if lane.startswith("o") else -1 if lane.startswith("l") else 1_000_000,
        )

    def subjects(self, priority: str, lane: str) -> list[str]:
        # The filter for all operations has a spelling of its own.
        ends = [">" if name == ">" else f"*.*.{name}" for name in self.filters]
        return [f"jobs.{priority}.{lane}.{end}" for end in ends]

    async def take(self, subscription, consumer_created: datetime) -> None:
        """Pulls one message at a time. It waits for a free slot, and is kept alive: lanes without jobs hold no slot."""
        while not self.stopping.is_set():
            try:
                (message,) = await subscription.fetch(1, timeout=2)
            except Exception as error:
                if not isinstance(error, NatsTimeout | asyncio.TimeoutError):
                    print(f"cannot ask for jobs: {error!r}", file=sys.stderr)
                    await asyncio.sleep(1)
                continue
            delivery = Delivery(self, message, consumer_created)
            beats = asyncio.create_task(delivery.keep_alive())
            await self.slots.acquire()
            beats.cancel()
            if self.stopping.is_set():
                self.slots.release()
                await message.nak()
                return
            task = asyncio.create_task(self.handle(delivery))
            self.running[task] = delivery
            task.add_done_callback(self.forget)

    async def handle(self, delivery: Delivery) -> None:
        try:
            delivery.on_cancel(self.notices.get(delivery.job.path, -1))
            await delivery.handle()
        except Exception as error:
            # NATS could not be asked. Without an answer the message comes again after its ack wait.
            print(f"cannot run job {delivery.job.id}: {error!r}", file=sys.stderr)

    def forget(self, task: asyncio.Task) -> None:
        del self.running[task]
        self.slots.release()

    async def on_cancel(self, message) -> None:
        path = message.subject.removeprefix("cancel.")
        self.notices[path] = notice_sequence(message.headers)
        if len(self.notices) > REMEMBERED_NOTICES:
            self.notices.popitem(last=False)
        for delivery in list(self.running.values()):
            if delivery.job.path == path:
                delivery.on_cancel(self.notices[path])

    async def on_pause(self, message) -> None:
        self.set_pause(message.subject, message.data)

    async def read_pauses(self) -> None:
        """Before the first job and after each reconnect, since notices may have been missed."""
        for name in self.operations:
            subject = f"$KV.OPERATIONS._paused.{name}"
            if stored := await last_message(self.js, "KV_OPERATIONS", subject):
                self.set_pause(subject, stored.data)

    def set_pause(self, subject: str, value: bytes | None) -> None:
        name = subject.removeprefix("$KV.OPERATIONS._paused.")
        try:
            pause = read_json(value)
        except ValueError:
            pause = None  # another program wrote it
        is_paused = isinstance(pause, dict) and pause.get("paused") is True
        (self.paused.add if is_paused else self.paused.discard)(name)

    async def announce(self, is_start: bool = False) -> None:
        """The host first: an operation that becomes known has a host then."""
        host = self.host | {"at": to_text(datetime.now(UTC))}
        await self.js.publish(self.host_key, json.dumps(host).encode())
        for name in self.operations:
            wanted = {"name": name, "inputSchema": True, "timeoutMs": TIMEOUT_MS, "maxAttempts": MAX_ATTEMPTS}
            stored = definition_in(await last_message(self.js, "KV_OPERATIONS", f"$KV.OPERATIONS.{name}"))
            # Later another definition is that of a host which started after this one.
            if stored is None or (is_start and stored != wanted):
                await self.js.publish(f"$KV.OPERATIONS.{name}", json.dumps(wanted | {"host": self.name}).encode())

    async def renew(self) -> None:
        """Says that this host is alive; after three renewals that are missing it counts as dead."""
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self.announce()
            except Exception as error:
                print(f"cannot announce this host: {error!r}", file=sys.stderr)

    async def stop(self, renewing: asyncio.Task, takers: list[asyncio.Task]) -> None:
        """Takes no more jobs, waits for those that run, and hands back those that do not end in time."""
        renewing.cancel()
        await self.js.publish(self.host_key, b"", headers={"KV-Operation": "DEL"})
        if self.running:
            await asyncio.wait(self.running, timeout=self.stop_timeout_s)
        for delivery in self.running.values():
            delivery.abort("stopping")
        await asyncio.wait([*self.running, *takers], timeout=5)
        await self.connection.flush()
        await self.connection.close()


def routes() -> list[tuple[str, str]]:
    shared = [(priority, lane) for priority in ("high", "normal", "low") for lane in SHARED_LANES]
    return shared + [("normal", f"o{lane}") for lane in range(8)]


def definition_in(stored) -> dict | None:
    """What a key of OPERATIONS says, without the host that wrote it; None if it is missing or cannot be read."""
    try:
        definition = read_json(stored.data if stored else None)
    except ValueError:
        return None
    return {name: part for name, part in definition.items() if name != "host"} if isinstance(definition, dict) else None


def is_taken(operation: str, filters: list[str]) -> bool:
    return any(operation.startswith(name[:-1]) if name.endswith(">") else operation == name for name in filters)


if __name__ == "__main__":
    tracing = start_tracing()
    asyncio.run(Worker(dict(os.environ)).run())
    tracing.shutdown()
