"""A start without the recording disk: is it waited for, or refused?

Owns that decision. A recorder whose disk is not mounted in the morning must still say so on its
page, and record when the disk comes; one that was never told where to record is configured wrongly,
and a person is at it. What tells the two apart is the state folder: once it knows a storage, an
empty or another folder is a disk that is missing (design §6). So is a disk that does not answer:
the storage is opened in a thread of its own, which alone has to wait for it.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from recorder.recording.hop import Race
from recorder.recording.known import KnownStorages, absolute, held
from recorder.recording.refusals import StorageError, UnusableError, explained, silent
from recorder.recording.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recorder.recording.disk import Disk

PATIENCE_S: Final = 10.0
"""So long a start waits for a disk to answer: a hard disk that slept turns by then, and encoders
that knock meanwhile have not given up. Far below TimeoutStartSec of the unit."""

T = TypeVar("T")


def is_awaited(refusal: StorageError, *, knows_any: bool) -> bool:
    """Whether what is wrong with a storage at a start may be over when a disk is mounted.

    Args:
        knows_any: the state folder knows a storage, this or another one.
    """
    return knows_any and not isinstance(refusal, UnusableError)


@contextmanager
def open_or_await(
    directory: Path, state: Path | None, disk: Disk, read: Callable[[Storage], T]
) -> Iterator[tuple[Storage, T | None]]:
    """`Storage.open`, for a recorder that is to run also while its disk is missing or does not
    answer: then the storage is away (`absence` says why). The state folder is held as well.

    Args:
        read: what a start must know of a storage that is there, as `Storage.on_arrival`; its result
            is given beside it, None of one that is away.

    Raises:
        StorageError: it cannot be opened, and waiting would not help; or another recorder has the
            state folder.
    """
    directory = absolute(directory)
    knows_any = KnownStorages.load(directory, state, disk).is_any
    opening = _Opening(lambda stack: _open(stack, directory, state, disk, read))
    with ExitStack() as stack:
        try:
            found = opening.wait(stack, PATIENCE_S if knows_any else None)
            if found is None:
                raise silent(directory)
            storage, result = found
        except StorageError as error:
            if not is_awaited(error, knows_any=knows_any):
                raise
            away = Storage.away(directory, state, disk, str(error), is_busy=opening.is_under_way)
            storage, result = stack.enter_context(away), None
            # In the words of a disk that is waited for, unless it takes no writes or the like.
            with suppress(OSError):
                storage.check_place()
        beside = KnownStorages.load(directory, state, disk).state
        if beside is not None:
            stack.enter_context(held(beside, disk))
        yield storage, result


def _open(
    stack: ExitStack,
    directory: Path,
    state: Path | None,
    disk: Disk,
    read: Callable[[Storage], T],
) -> tuple[Storage, T]:
    storage = stack.enter_context(Storage.open(directory, state, disk))
    with explained(directory):
        return storage, read(storage)


class _Opening(Generic[T]):
    """One opening, in a thread: the kernel lets nobody go who waits for a disk.

    Args:
        call: opens it, and has the stack close it.
    """

    def __init__(self, call: Callable[[ExitStack], T]) -> None:
        self._call = call
        self._race = Race()
        self._over = threading.Event()
        self._opened: tuple[ExitStack, T] | None = None
        self._error: Exception | None = None
        # A process with nothing but this to wait for has ended.
        threading.Thread(target=self._run, name="opening the storage", daemon=True).start()

    def wait(self, stack: ExitStack, patience_s: float | None) -> T | None:
        """What was opened, which the stack closes; None: it takes longer than that, and is closed
        again as soon as it is open. Raises what the call raises."""
        if not self._over.wait(patience_s) and self._race.is_won_by("start"):
            return None
        self._over.wait()
        if self._error is not None:
            raise self._error
        assert self._opened is not None
        opened, result = self._opened
        stack.enter_context(opened)
        return result

    def is_under_way(self) -> bool:
        """Whether it has not come back: it may hold the storage's lock."""
        return not self._over.is_set()

    def _run(self) -> None:
        try:
            with ExitStack() as stack:
                result = self._call(stack)
                if self._race.is_won_by("thread"):
                    self._opened = stack.pop_all(), result
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            self._error = error
        finally:
            self._over.set()
