"""Adapters of psycopg for the timestamp -infinity (`deleted_at` of live rows), which a Python datetime cannot represent."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Final, Optional

import psycopg
from psycopg.abc import Buffer
from psycopg.types.datetime import DatetimeBinaryDumper, DatetimeDumper, TimestamptzBinaryLoader, TimestamptzLoader

LIVE: Final = datetime.min.replace(tzinfo=timezone.utc)
"""Represents -infinity in Python."""

_TEXT: Final = b"-infinity"
_BINARY: Final = (-(2**63)).to_bytes(8, "big", signed=True)


def register(conn: psycopg.Connection[Any]) -> None:
    """Registers the adapters for `LIVE` on this connection only."""
    conn.adapters.register_loader("timestamptz", _TextLoader)
    conn.adapters.register_loader("timestamptz", _BinaryLoader)
    # psycopg uses the adapter that was registered last for %s.
    conn.adapters.register_dumper(datetime, _BinaryDumper)
    conn.adapters.register_dumper(datetime, _TextDumper)


class _TextLoader(TimestamptzLoader):
    def load(self, data: Buffer) -> datetime:
        return LIVE if bytes(data) == _TEXT else super().load(data)


class _BinaryLoader(TimestamptzBinaryLoader):
    def load(self, data: Buffer) -> datetime:
        return LIVE if bytes(data) == _BINARY else super().load(data)


class _TextDumper(DatetimeDumper):
    def dump(self, obj: datetime) -> Optional[Buffer]:
        return _TEXT if obj == LIVE else super().dump(obj)


class _BinaryDumper(DatetimeBinaryDumper):
    def dump(self, obj: datetime) -> Optional[Buffer]:
        return _BINARY if obj == LIVE else super().dump(obj)
