"""What one publish has sent and no file has, while the disk takes nothing. Pure.

Owns the order of what is kept and what is given up first: whole groups of pictures, oldest first,
so that what is left can be decoded from its first frame on; everything given up is counted, in
bytes and in media time. Also reads media back from the tags of buffers that no file took.

Knows no disk and no clock, and not how much may be kept: whoever trims says so.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import attrs

from recorder.flv.codecs import Role, classify
from recorder.flv.tags import SCRIPT, VIDEO, read_tags
from recorder.recording.actions import Appended, CutReason, Headers
from recorder.recording.hold import ITEM_BYTES, Held
from recorder.recording.tracks import HEADERS


def read_back(appended: Appended) -> Iterator[Held]:
    """The messages whose tags these are."""
    for kind, ms, body in read_tags(appended.data):
        if kind == SCRIPT:
            yield Held(None, SCRIPT, (), body)
            continue
        parts = classify(kind, body)
        roles = {part.role for part in parts}
        if roles & HEADERS:
            yield Held(parts[0].role, kind, parts, body)
        else:
            role = Role.FRAME if Role.FRAME in roles else parts[0].role
            yield Held(role, kind, parts, body, appended.opened.base + ms)


class Backlog:
    """The media of a publish that wait for the disk, in the order of arrival.

    Args:
        before: the state of the publish's tracks before the first of them.
        has_video: whether a segment begins with a picture.
    """

    def __init__(self, before: Headers, *, has_video: bool) -> None:
        self.bytes = 0
        self.given_up_bytes = 0
        """Of bodies, since the backlog began."""
        self._has_video = has_video
        self._items: deque[tuple[Held, bool]] = deque()
        """Each with whether a segment can begin with it."""
        self._entries = 0
        """How many can."""
        self._before = before
        self._given_up_headers: dict[tuple[int, int, Role], bytes] = {}
        """By kind, track and role: a later one makes an earlier one void."""
        self._given_up_from: int | None = None
        """The dts of the first frame that was given up before the first item."""
        self._given_up_to = 0
        self._marked_ms = 0
        """Of all holes that items say they have before them, and of those that none says."""
        self._owes_split = False
        """An operator's, whose frame was given up with all behind it."""

    def add(self, item: Held) -> None:
        """The newest message."""
        self._has_video |= item.kind == VIDEO
        is_entry = self._is_entry(item)
        if is_entry and self._owes_split:
            item = self._with_split(item)
        self._items.append((item, is_entry))
        self._count(item, is_entry, 1)

    def put_back(self, appended: Sequence[Appended]) -> None:
        """Media that were on their way to the disk and did not arrive. They are older than all
        that is here; what was given up meanwhile lies between."""
        if not appended:
            return
        self._mark_hole()
        # Also what no tag among the older ones says: a header that no frame had followed yet.
        for header in reversed(self.headers()):
            self._put_first(header)
        self._given_up_headers.clear()
        older = list(_with_splits(appended))
        self._has_video |= any(item.kind == VIDEO for item in older)
        for item in reversed(older):
            self._put_first(item)
        self._before = appended[0].before

    def trim(self, limit_bytes: int) -> None:
        """Give up the oldest until no more than this is kept."""
        owed_before = self._owes_split
        while self.bytes > limit_bytes and self._items:
            self._give_up_first()
            while self._entries and not self._items[0][1]:
                self._give_up_first()
        # What was owed before is so behind all that was kept then.
        if self._owes_split and not owed_before and self._entries:
            first, is_entry = self._items[0]
            self._items[0] = self._with_split(first), is_entry

    @property
    def first_lost_ms(self) -> int:
        """How much media were given up before the first frame that is kept, in ms."""
        first = self._first_frame
        if self._given_up_from is None:
            return 0 if first is None else first.lost_ms
        end = self._given_up_to if first is None or first.dts is None else first.dts
        return max(0, end - self._given_up_from)

    @property
    def lost_ms(self) -> int:
        """How much media were given up, in ms."""
        first = self._first_frame
        marked_ms = 0 if first is None else first.lost_ms
        return self._marked_ms - marked_ms + self.first_lost_ms

    @property
    def _first_frame(self) -> Held | None:
        return next((item for item, _ in self._items if item.role is Role.FRAME), None)

    @property
    def span_ms(self) -> int:
        """How much media are kept, in ms."""
        times = [item.dts for item, _ in self._items if item.dts is not None]
        return max(times) - min(times) if times else 0

    def headers(self) -> list[Held]:
        """The state of the tracks before the first item."""
        later = ((kind, body) for (kind, _, _), body in self._given_up_headers.items())
        found = []
        for kind, body in (*self._before, *later):
            parts = classify(kind, body)
            found.append(Held(parts[0].role, kind, parts, body))
        return found

    def items(self) -> list[Held]:
        """All that is kept. What was lost before the first of them is `first_lost_ms`."""
        first = self._first_frame
        return [_unmarked(item) if item is first else item for item, _ in self._items]

    # How it is kept.

    def _mark_hole(self) -> None:
        """The first item is no longer the first: it says itself what was lost before it."""
        if self._given_up_from is None:
            return
        lost_ms = self.lost_ms
        if self._items and self._items[0][1]:
            first, is_entry = self._items[0]
            # A cut that an operator wants there is one for the hole as well.
            wish = CutReason.SPLIT if first.wish is CutReason.SPLIT else CutReason.DISK
            marked = attrs.evolve(first, wish=wish, lost_ms=self.first_lost_ms)
            self._items[0] = marked, is_entry
        self._marked_ms = lost_ms
        self._given_up_from = None

    def _put_first(self, item: Held) -> None:
        self._items.appendleft((item, self._is_entry(item)))
        self._count(item, self._items[0][1], 1)

    def _count(self, item: Held, is_entry: bool, sign: int) -> None:
        self.bytes += sign * (len(item.body) + ITEM_BYTES)
        self._entries += sign * is_entry

    def _give_up_first(self) -> None:
        item, is_entry = self._items.popleft()
        self._count(item, is_entry, -1)
        self.given_up_bytes += len(item.body)
        if item.role is not None and item.role in HEADERS:
            key = (item.kind, item.parts[0].track, item.role)
            self._given_up_headers.pop(key, None)
            self._given_up_headers[key] = item.body
        elif item.role is Role.FRAME and item.dts is not None:
            self._marked_ms -= item.lost_ms
            self._owes_split |= item.wish is CutReason.SPLIT
            if self._given_up_from is None:
                self._given_up_from = item.dts
            self._given_up_to = item.dts

    def _with_split(self, item: Held) -> Held:
        self._owes_split = False
        return attrs.evolve(item, wish=CutReason.SPLIT)

    def _is_entry(self, item: Held) -> bool:
        if item.role is not Role.FRAME:
            return False
        if item.kind == VIDEO:
            return any(part.keyframe for part in item.parts)
        return not self._has_video


def _unmarked(first: Held) -> Held:
    """A frame before which nothing is kept: no cut is to be made at it for a hole."""
    wish = None if first.wish is CutReason.DISK else first.wish
    return attrs.evolve(first, wish=wish, lost_ms=0)


def _with_splits(appended: Iterable[Appended]) -> Iterator[Held]:
    """The messages, and where an operator's split lay among them: it is made again there."""
    origin: int | None = None
    for each in appended:
        is_split = (
            origin is not None
            and each.opened.origin != origin
            and each.opened.reason is CutReason.SPLIT
        )
        origin = each.opened.origin
        for item in read_back(each):
            if is_split and item.role is Role.FRAME:
                yield attrs.evolve(item, wish=CutReason.SPLIT)
                is_split = False
            else:
                yield item
