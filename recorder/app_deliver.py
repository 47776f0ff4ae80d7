"""Who delivers the hooks: joins outbox, targets, calls and heartbeat. A part of the app.

The same function runs as a task of the recorder, and as a process of its own (`recorder deliver`),
which on an appliance has the network that the recorder has not. Whoever comes second waits for the
turn.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import ssl
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from recorder import logs
from recorder.app_repeats import report_repeats
from recorder.clock import utc_text
from recorder.config import ConfigError
from recorder.config.secrets import secrets_of
from recorder.hooks.asking import ask
from recorder.hooks.commands import run_command
from recorder.hooks.deliver import Means, deliver
from recorder.hooks.heartbeat import State, beat
from recorder.hooks.posting import post
from recorder.hooks.signature import headers
from recorder.hooks.targets import targets_of
from recorder.hooks.turn import is_taken, take_turn
from recorder.recording.disk import PRIVATE_FILE_MODE, OsDisk, closing
from recorder.recording.durable import replace_file

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from recorder.config import Config, HooksConfig
    from recorder.hooks.patience import Result
    from recorder.hooks.targets import Target

log = logging.getLogger(__name__)

FOLDER: Final = "hooks"
"""In the state folder."""

TURN_S: Final = 5.0
"""Between two tries to get the turn."""

is_delivering = is_taken
"""Whether anybody delivers from this folder. Blocking; raises OSError."""


async def deliver_hooks(
    config: HooksConfig, folder: Path, *, alive: Callable[[], Awaitable[State | None]]
) -> None:
    """Deliver until cancelled.

    Args:
        folder: the outbox's.
        alive: what the recorder says of itself; None: it does not answer.
    """
    targets = targets_of(config)
    if not targets and config.heartbeat.url is None:
        return
    calls = _Calls(config)
    means = Means(
        call=calls.call,
        save=_replace,
        now=lambda: utc_text(time.time_ns()),
        host=socket.gethostname(),
        most_waiting=config.outbox.events,
    )
    async with _turn(folder), trio.open_nursery() as nursery:
        await calls.prepare()
        if targets:
            nursery.start_soon(deliver, folder, targets, means)
        if config.heartbeat.url is not None:
            nursery.start_soon(
                partial(beat, host=means.host, alive=alive, post=calls.post),
                config.heartbeat.url,
                config.heartbeat.every,
            )


def _replace(path: Path, content: bytes) -> None:
    disk = OsDisk()
    with closing(disk, disk.open_path(path.parent, follow=True)) as folder:
        replace_file(disk, folder, path.name, content, PRIVATE_FILE_MODE)


@asynccontextmanager
async def _turn(folder: Path) -> AsyncIterator[None]:
    is_first = True
    while True:
        try:
            file = await trio.to_thread.run_sync(take_turn, folder)
        except OSError as error:
            log.warning("Nothing can be delivered: %s", error, extra=logs.same("turn"))
            file = None
        else:
            if file is None and is_first:
                log.info("Somebody else delivers the hooks; waiting for that to end.")
        if file is not None:
            break
        is_first = False
        await trio.sleep(TURN_S)
    try:
        yield
    finally:
        os.close(file)


class _Calls:
    """Makes them."""

    def __init__(self, config: HooksConfig) -> None:
        self._config = config
        self._tls: ssl.SSLContext | None = None

    async def prepare(self) -> None:
        """Reads the certificates that this machine trusts."""
        self._tls = await trio.to_thread.run_sync(ssl.create_default_context)

    async def call(self, target: Target, body: bytes) -> Result:
        if target.command is not None:
            return await run_command(target.command, body, timeout_s=self._config.timeout)
        return await self.post(target.url, body)

    async def post(self, url: str, body: bytes) -> Result:
        assert self._tls is not None
        stamp = str(int(time.time()))
        return await post(
            url,
            body,
            headers(self._config.secret, stamp, body),
            timeout_s=self._config.timeout,
            tls=self._tls,
        )


def run(config: Config, state: Path, load: Callable[[], Config]) -> int:
    """`recorder deliver`: until a signal says stop; SIGHUP reads the configuration again.

    Args:
        state: the state folder.
        load: reads it.

    Returns:
        The exit code.
    """
    output = logs.set_up(config.log.level, config.log.format, secrets_of(config))
    # Trio hands on what came with a SIGTERM when its receiver is closed: that must not end us.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    trio.run(_main, config, state, load, output)
    output.fold.report_all()
    return 0


async def _main(config: Config, state: Path, load: Callable[[], Config], output: logs.Log) -> None:
    following: Config | None = config
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(report_repeats, output.fold)
            while following is not None:
                output.hide(secrets_of(following))
                logs.set_level(following.log.level)
                following = await _deliver_until(signals, following, state, load)
            nursery.cancel_scope.cancel()


async def _deliver_until(
    signals: AsyncIterator[int], config: Config, state: Path, load: Callable[[], Config]
) -> Config | None:
    """Deliver until a signal; gives the configuration to go on with, None: it means stop."""
    following = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_deliver, config.hooks, state)
        while await anext(signals) == signal.SIGHUP:
            following = await trio.to_thread.run_sync(_reload, load)
            if following is not None:
                break
        nursery.cancel_scope.cancel()
    return following


async def _deliver(config: HooksConfig, state: Path) -> None:
    if not config.has_receivers and config.heartbeat.url is None:
        # Not an end: whatever starts this would start it again and again.
        log.info("Nobody is to be told anything (hooks in the configuration); waiting for SIGHUP.")
    else:
        log.info("Delivering hooks from %s.", state / FOLDER)
    await deliver_hooks(config, state / FOLDER, alive=partial(_alive, state))


async def _alive(state: Path) -> State | None:
    """As of `Hooks.state`, from the snapshot as another process gives it."""
    match await ask(state, "/api/v1/status"):
        case {"time": str(time), "rooms": list(rooms), "alarms": list(alarms)}:
            return State(
                time=time,
                live_rooms=sum(room["publisher"] is not None for room in rooms),
                worst_alarm=alarms[0]["severity"] if alarms else None,
            )
    return None


def _reload(load: Callable[[], Config]) -> Config | None:
    try:
        config = load()
    except ConfigError as error:
        for line in str(error).splitlines():
            log.error("%s", line)
        log.error("The configuration is refused; what was in force stays in force.")
        return None
    log.info("The configuration was read again.")
    return config
