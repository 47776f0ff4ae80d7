"""The composition root: builds every part and nests their lifetimes (design §3).

The only module that sees everything. The nesting below is the stop order read from the inside
out: listeners, sessions, rooms, writer, storage.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from recorder import __version__, logs, systemd
from recorder.app_arrival import Arrival
from recorder.app_ending import follow_signals, running
from recorder.app_hooks import open_hooks
from recorder.app_listeners import StartError, open_rtmp
from recorder.app_reload import Parts, Reloader, say_fallback, say_rtmps_off
from recorder.app_repeats import report_repeats
from recorder.app_rooms import ENCODER, make_house, make_rooms
from recorder.app_service import Service
from recorder.app_settings import make_settings
from recorder.app_sockets import Sockets, look_at
from recorder.app_status import open_status, start_status, stop_status
from recorder.clock import SystemClock, boot_id
from recorder.config.secrets import secrets_of
from recorder.live.attempts import Attempts
from recorder.live.listener import Door, serve
from recorder.live.memory import MemoryBudget
from recorder.log_journal import for_standard_error
from recorder.recording.arrival import open_or_await
from recorder.recording.clock_watch import ClockWatch, load_clock_state
from recorder.recording.engine import Retention, open_engine
from recorder.recording.inheritance import read_left
from recorder.recording.known import META_FOLDER
from recorder.recording.refusals import StorageError
from recorder.recording.retention.memory import read_ledger
from recorder.recording.timed_disk import TimedDisk
from recorder.status.control import make_socket

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recorder.app_settings import Settings
    from recorder.config import Config
    from recorder.histogram import Histogram
    from recorder.recording.inheritance import Left
    from recorder.recording.storage import Storage

log = logging.getLogger(__name__)

YOUNG_OBJECTS: Final = 10_000
"""Between two searches for cycles, in place of Python's 700. A picture of a hundred rooms is some
thousand objects that go without a search: with 700, three of four searches a second found nothing,
and took a twentieth of the recorder's time."""


def run(
    config: Config,
    errors: tuple[str, ...] = (),
    *,
    sockets_by_systemd: bool = False,
    fall_back: Callable[[], Config | None] = lambda: None,
) -> int:
    """Record until a signal says stop, and give the exit code.

    Args:
        errors: what is wrong with the file, where `config` is the last good one.
        sockets_by_systemd: it opens the ports and passes them; the recorder binds none.
        fall_back: gives the last good configuration, where this one does not fit the sockets.

    Returns:
        0 after a clean stop, 1 when a segment could not be finished, 2 when it could not start.

    Raises:
        ConfigError: a file that the configuration names cannot be used.
    """
    output = logs.set_up(config.log.level, config.log.format, secrets_of(config))
    handover = systemd.claim()
    if handover.watchdog_s is not None:
        # It kills by SIGABRT, and the journal says where every thread was.
        faulthandler.enable()
    # Until it means to reload: one that comes while the disk is opened must not end us.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        sockets = look_at(handover.descriptors) if sockets_by_systemd else Sockets()
        try:
            config = sockets.settle(config)
        except StartError as error:
            last_good = None if errors else fall_back()
            if last_good is None:
                raise
            config, errors = sockets.settle(last_good), (str(error),)
        say_fallback(config, errors)
        # Whether a start may do without RTMPS was decided before: at a terminal it may not.
        settings = make_settings(config, may_lack_rtmps=True)
        say_rtmps_off(settings.rtmps_off)
        disk, boot = TimedDisk(), boot_id()
        with open_or_await(
            config.storage.directory, config.state, disk, partial(read_left, boot=boot)
        ) as (storage, left):
            for warning in storage.warnings:
                log.warning("%s", warning)
            gc.freeze()
            gc.set_threshold(YOUNG_OBJECTS)
            return trio.run(
                _main,
                settings,
                errors,
                storage,
                left,
                boot,
                output,
                sockets,
                handover,
                disk.seconds,
            )
    except (StorageError, StartError) as error:
        sys.stderr.write(for_standard_error(f"recorder: {error}") + "\n")
        return 2


async def _main(
    settings: Settings,
    errors: tuple[str, ...],
    storage: Storage,
    left: Left | None,
    boot: str,
    output: logs.Log,
    sockets: Sockets,
    handover: systemd.Handover,
    write_seconds: Mapping[str, Histogram],
) -> int:
    config = settings.config
    listeners = await open_rtmp(config.rtmp, sockets.open)
    clock = SystemClock(config.clock.trust)
    state = config.state or config.storage.directory / META_FOLDER
    try:
        await load_clock_state(clock, storage, state)
        ledger = await trio.to_thread.run_sync(read_ledger, storage.disk, state)
    except OSError as error:
        raise StartError(
            f"The state folder {state} cannot be read: {error.strerror or error}. "
            "Give it and all in it to the recorder's user."
        ) from error
    control = await make_socket(state)
    started = await start_status(config, storage, state, boot, sockets)
    stop = trio.Event()
    service = Service(systemd.Notifier(handover.notify), handover.watchdog_s)
    reloader = Reloader(
        config,
        errors,
        storage,
        state,
        settle=sockets.settle,
        rtmps_off=settings.rtmps_off,
        is_stopping=stop.is_set,
    )
    arrival = Arrival(
        storage,
        clock,
        left,
        boot=boot,
        window_s=lambda: reloader.config.recording.reconnect_window,
        wear=started.wear,
    )
    reloader.on_reloading, reloader.on_ready = service.notifier.reloading, service.notifier.ready
    # Who is started by systemd has no network, and a unit beside it that delivers.
    delivers = sockets.passed is None
    async with (
        open_hooks(
            config.hooks,
            state,
            clock,
            storage=config.storage.directory,
            delivers=delivers,
        ) as hooks,
        trio.open_nursery() as services,
    ):
        # Before anything says that the recorder runs: who reads that may send a signal at once.
        await services.start(follow_signals, stop, reloader.ask, name="signals")
        services.start_soon(report_repeats, output.fold, name="repeated log lines")
        services.start_soon(
            partial(service.run, stop, stop_timeout_s=lambda: reloader.config.storage.stop_timeout),
            name="systemd",
        )
        async with open_engine(
            storage,
            clock,
            encoder=ENCODER,
            boot=boot,
            sync_interval_s=config.storage.sync_interval,
            on_good=lambda: arrival.resume(reloader.config, rooms, engine, hooks),
            on_saved=hooks.saved,
            retention=Retention(
                rules=settings.retention,
                ledger=ledger,
                state=state,
                live=lambda: rooms.live,
                believed_utc_ms=lambda: watch.believed_utc_ms(),
                on_hold=lambda reason: rooms.hold(reason),
            ),
        ) as engine:
            memory = MemoryBudget(
                settings.media_bytes, lambda: engine.writer.pending_bytes + rooms.backlog_bytes
            )
            rooms = make_rooms(reloader, engine, memory, clock, boot)
            arrival.begin(reloader.config, rooms, engine, hooks)
            clock.newest_utc_ms = lambda: engine.indexer.newest_start_utc_ms
            watch = ClockWatch(
                clock,
                storage,
                state,
                newest_before_utc_ms=lambda: engine.indexer.newest_before_utc_ms,
                on_step=rooms.clock_stepped,
                is_newest_known=lambda: engine.indexer.was_ready,
            )
            services.start_soon(watch.run, name="clock")
            attempts = Attempts()
            async with (
                arrival.resuming(rooms, engine),
                running(
                    rooms,
                    engine.writer,
                    reloader,
                    # Encoders wait in systemd's sockets for who is started next.
                    to_be_continued=sockets.passed is not None,
                ) as outcome,
                open_status(
                    settings,
                    engine,
                    rooms,
                    memory,
                    clock,
                    attempts,
                    write_seconds=write_seconds,
                    state=state,
                    start=started,
                    control=control,
                    on_picture=service.show,
                    config_view=lambda: reloader.view,
                ) as page,
            ):
                watch.on_step = _all(rooms.clock_stepped, page.board.clock_stepped)
                watch.on_woken = page.board.sources.lag.observe
                rooms.on_change = page.board.changed
                hooks.follow(page.board)
                house = make_house(settings, rooms, engine, memory, attempts)
                door = Door(house, limit=config.limits.connections, tls=settings.rtmp_tls)
                page.board.sources.door = door
                parts = Parts(
                    output=output,
                    clock=clock,
                    engine=engine,
                    rooms=rooms,
                    memory=memory,
                    house=house,
                    door=door,
                    page=page,
                )
                services.start_soon(reloader.run, parts, name="reload")
                log.info("recorder %s listens on %s", __version__, _where(settings))
                service.pulses = lambda: door.pulses
                service.notifier.ready()
                await serve(listeners.plain, door, stop, tls_listeners=listeners.over_tls)
                log.info("Stopping: finishing every segment.")
        await stop_status(storage, state)
        services.cancel_scope.cancel()
    output.fold.report_all()
    return 0 if outcome.is_clean else 1


def _where(settings: Settings) -> str:
    rtmp, what = settings.config.rtmp, "RTMPS" if settings.rtmps_off is None else "RTMPS is off"
    over_tls = [] if rtmp.tls is None else [f"{address} ({what})" for address in rtmp.tls.listen]
    return ", ".join([*rtmp.listen, *over_tls])


def _all(*calls: Callable[[int], None]) -> Callable[[int], None]:
    def call(value: int) -> None:
        for each in calls:
            each(value)

    return call
