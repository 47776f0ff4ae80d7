"""A recorder without listeners, scraped: what its parts have counted stands under its name."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import trio
from prometheus_client.parser import text_string_to_metric_families

from recorder.app_board import TICK_S
from recorder.live.attempts import Result
from tests.helpers.reloading import staged

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.helpers.reloading import Stage


async def scraped(stage: Stage) -> dict[str, float]:
    """Every sample of ours, by its name and its labels: `rec_connections proto=ws`."""
    board = stage.parts.page.board
    # A tick has gone by since the last scrape.
    board._scraped_s -= TICK_S
    text = (await board.metrics()).decode()
    return {
        " ".join(
            [sample.name, *(f"{key}={word}" for key, word in sorted(sample.labels.items()))]
        ): (sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("rec_")
    }


async def test_what_every_part_has_counted_is_there(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        parts = stage.parts
        board, (room, *_) = parts.page.board, parts.rooms.all
        assert "rec_connections proto=rtmp" not in await scraped(stage)
        board.sources.door = parts.door
        board.clock_stepped(2500)
        room.takeovers.add(0)
        parts.house.reception.attempts.came_to(Result.OK, room.name)
        parts.door.rejected["limit"] += 1
        parts.engine.writer.failures["EIO"] += 1
        parts.engine.watch.deleted_bytes["age"] += 9
        board.sources.lag.observe(0.002)
        await parts.engine.writer.between_hops(lambda: None)
        found = await scraped(stage)
    stream = f"stream={room.name}"
    expected = {
        "rec_clock_steps_total": 1,
        f"rec_publish_takeovers_total {stream}": 1,
        f"rec_publish_total result=ok {stream}": 1,
        "rec_connections_rejected_total reason=limit": 1,
        "rec_connections_rejected_total reason=crowded": 0,
        "rec_connections_rejected_total reason=page": 0,
        "rec_connections_rejected_total reason=clients": 0,
        "rec_connections proto=rtmp": 0,
        "rec_connections proto=http": 0,
        "rec_connections proto=ws": 0,
        "rec_write_errors_total errno=EIO": 1,
        "rec_write_errors_total errno=ENOSPC": 0,
        "rec_write_errors_total errno=EROFS": 0,
        "rec_write_errors_total errno=other": 0,
        "rec_retention_deleted_bytes_total reason=age rule=age": 9,
        "rec_retention_blocked reason=clock": 0,
        f"rec_stream_dropped_bytes_total reason=buffer {stream}": 0,
        f"rec_stream_dropped_bytes_total reason=policy {stream}": 0,
        f"rec_segment_duration_seconds_count {stream}": 0,
        f"rec_write_queue_seconds {stream}": 0,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert found["rec_event_loop_lag_seconds_count"] >= 1
    # The marker, the lock and what the page remembers were written before.
    assert found["rec_write_duration_seconds_count op=write"] >= 1
    assert found["rec_write_duration_seconds_count op=fdatasync"] >= 1


async def test_who_may_not_watch_the_page_is_counted(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        actions = stage.parts.page.actions
        assert actions.watch(is_operator=True) is not None
        stage.parts.page.broadcast.most = 1
        assert actions.watch(is_operator=True) is None
        assert (await scraped(stage))["rec_connections_rejected_total reason=clients"] == 1


async def test_the_loop_does_not_wait_while_it_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path) as stage:
        board, threads = stage.parts.page.board, list[threading.Thread]()
        text = board._exposition.text

        def noted(*arguments: object) -> bytes:
            threads.append(threading.current_thread())
            return text(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(board._exposition, "text", noted)
        # A thread that computes takes its share of the loop's time: once a tick for all who ask.
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(board.metrics)
        assert len(threads) == 1
        board._scraped_s -= TICK_S
        assert b"rec_build_info" in await board.metrics()
    assert len(threads) == 2
    assert threading.main_thread() not in threads
