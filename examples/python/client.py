"""The NATS client."""

from nats.aio.client import Client


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
