"""The recording side as the app runs it, on a storage of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recorder.recording.engine import Retention, open_engine
from recorder.recording.retention.ledger import Ledger
from recorder.recording.retention.rules import Rules
from tests.helpers.studio import BOOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from recorder.clock import Clock
    from recorder.recording.engine import Engine
    from recorder.recording.recording import LiveRecording
    from recorder.recording.storage import Storage


def retention(
    directory: Path,
    live: Callable[[], list[LiveRecording]] = list,
    **changes: Any,
) -> Retention:
    """No rules, nothing remembered."""
    values: dict[str, Any] = {
        "rules": Rules(),
        "ledger": Ledger(),
        "state": directory / ".recorder",
        "live": live,
        "believed_utc_ms": lambda: None,
        "on_hold": lambda _: None,
    }
    return Retention(**{**values, **changes})


def engine_on(
    storage: Storage,
    clock: Clock,
    retention: Retention,
    *,
    on_good: Callable[[], None] = lambda: None,
) -> AbstractAsyncContextManager[Engine]:
    return open_engine(
        storage,
        clock,
        encoder="test",
        boot=BOOT,
        sync_interval_s=5,
        on_good=on_good,
        retention=retention,
    )
