"""The heartbeat: a sign of life for a monitor elsewhere, while the recorder lives and only then.

A box that lost its power can tell nobody. So the monitor is told that all is well, and tells people
when that stops. Whoever delivers may outlive the recorder: it asks it each time, and is silent
where it does not answer.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final

import attrs
import trio

from recorder.hooks.events import to_line
from recorder.hooks.patience import Outcome
from recorder.hooks.targets import safe_url
from recorder.logs import same

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recorder.hooks.patience import Result

log = logging.getLogger(__name__)

ANSWER_S: Final = 10.0
"""A recorder that lives answers in milliseconds; one whose loop hangs does not."""

MESSAGE_VERSION: Final = 1


@attrs.frozen(kw_only=True)
class State:
    """What a heartbeat says of the recorder.

    Attributes:
        time: UTC, as the recorder's clock says it.
        live_rooms: in which somebody publishes.
        worst_alarm: its severity; None: no alarm stands.
    """

    time: str
    live_rooms: int
    worst_alarm: str | None


async def beat(
    url: str,
    every_s: float,
    *,
    host: str,
    alive: Callable[[], Awaitable[State | None]],
    post: Callable[[str, bytes], Awaitable[Result]],
) -> None:
    """Beat until cancelled.

    Args:
        alive: what the recorder says of itself; None: it does not answer.
        post: sends a message.
    """
    began_s = trio.current_time()
    while True:
        state = None
        with trio.move_on_after(ANSWER_S):
            state = await alive()
        if state is None:
            log.warning(
                "The recorder does not answer, so there is no heartbeat.", extra=same("no answer")
            )
        else:
            message = {
                "version": MESSAGE_VERSION,
                "host": host,
                "event": "heartbeat",
                **attrs.asdict(state),
            }
            result = await post(url, to_line(message))
            if result.outcome is not Outcome.DONE:
                log.warning(
                    "The heartbeat did not reach %s: %s",
                    safe_url(url),
                    result.reason,
                    extra=same("heartbeat"),
                )
        # Whole multiples, however long the monitor took to answer.
        gone = math.floor((trio.current_time() - began_s) / every_s)
        await trio.sleep_until(began_s + (gone + 1) * every_s)
