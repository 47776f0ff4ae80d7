"""A start without the recording disk: is it waited for, or refused?

Owns that decision. A recorder whose disk is not mounted in the morning must still say so on its
page, and record when the disk comes; one that was never told where to record is configured wrongly,
and a person is at it. What tells the two apart is the state folder: once it knows a storage, an
empty or another folder is a disk that is missing (design §6).
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from recorder.recording.known import KnownStorages, absolute, held
from recorder.recording.refusals import StorageError, UnusableError
from recorder.recording.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recorder.recording.disk import Disk


def is_awaited(refusal: StorageError, *, knows_any: bool) -> bool:
    """Whether what is wrong with a storage at a start may be over when a disk is mounted.

    Args:
        knows_any: the state folder knows a storage, this or another one.
    """
    return knows_any and not isinstance(refusal, UnusableError)


@contextmanager
def open_or_await(directory: Path, state: Path | None, disk: Disk) -> Iterator[Storage]:
    """`Storage.open`, for a recorder that is to run also while its disk is missing: then the
    storage is away (`absence` says why). The state folder is held as well.

    Raises:
        StorageError: it cannot be opened, and waiting would not help; or another recorder has the
            state folder.
    """
    with ExitStack() as stack:
        try:
            storage = stack.enter_context(Storage.open(directory, state, disk))
        except StorageError as error:
            known = KnownStorages.load(absolute(directory), state, disk)
            if not is_awaited(error, knows_any=known.is_any):
                raise
            storage = stack.enter_context(Storage.away(directory, state, disk, str(error)))
            # In the words of a disk that is waited for, unless it takes no writes or the like.
            with suppress(OSError):
                storage.check_place()
        beside = KnownStorages.load(absolute(directory), state, disk).state
        if beside is not None:
            stack.enter_context(held(beside, disk))
        yield storage
