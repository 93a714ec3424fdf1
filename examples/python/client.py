"""The NATS client."""

import asyncio
import sys

from nats.aio.client import Client

CONNECT_S = 5


class NatsClient(Client):
    """Keeps repeated headers. nats-py keeps the last one only, so two `traceparent` headers would look like one."""

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in raw.split(b"\r\n"):
            name, colon, value = line.decode("utf-8", "replace").partition(":")
            if colon:
                # A list, as HTTP writes it: two baggage headers are one, and two traceparent headers are none.
                found[name] = f"{found[name]},{value.strip()}" if name in found else value.strip()
        return found


async def connect(url: str, **options) -> NatsClient:
    """Connects, or ends the program with a sentence. After a loss of the connection the client tries again without an end."""
    client, last = NatsClient(), ""

    async def on_error(error: Exception) -> None:
        # Without this nats-py prints the stack of each attempt.
        nonlocal last
        last = str(error) or type(error).__name__
        if client.is_connected or client.is_reconnecting:
            print(f"NATS: {last}", file=sys.stderr)

    try:
        connecting = client.connect(url, max_reconnect_attempts=-1, error_cb=on_error, **options)
        await asyncio.wait_for(connecting, CONNECT_S)
    except Exception as error:
        address = url.rpartition("@")[2]  # without a password
        raise SystemExit(f"NATS at {address} cannot be reached: {last or error or 'no answer'}") from None
    return client
