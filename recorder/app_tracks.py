"""What is shown of a room's tracks: when a frame of each last came, and what is missing.

A part of the app. A track that stops is missing until its frames come again: the next segment says
nothing of a track that is not in it, and a publisher that comes back without its sound says nothing
of sound at all. So what a publish has ever sent stays shown, and what the open recording has had
before it is missed from the moment on at which the rest comes. Pure, as `app_room_view`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from recorder.flv.parameters import TrackParameters
from recorder.recording.figures import TrackFigures
from recorder.status.digits import rounded
from recorder.status.room_views import AudioView, VideoView

if TYPE_CHECKING:
    from recorder.recording.actions import TrackFacts
    from recorder.recording.figures import RoomFigures


@attrs.define
class _Track:
    """What is remembered of a track: when its counters last moved."""

    frames: int = 0
    key_dts: int | None = None
    total: int = 0
    frame_s: float | None = None
    key_s: float | None = None

    def look(self, found: TrackFigures, now_s: float) -> None:
        # Behind a stop frames are counted anew.
        new = found.frames - (self.frames if found.frames >= self.frames else 0)
        if new > 0:
            self.total += new
            self.frame_s = now_s
        if found.key_dts is not None and (found.key_dts != self.key_dts or self.key_s is None):
            self.key_s = now_s
        self.frames, self.key_dts = found.frames, found.key_dts


class TrackMeter:
    """What is remembered of the tracks of one publish between two looks."""

    def __init__(self) -> None:
        self._tracks: dict[tuple[str, int], _Track] = {}
        self._shown: dict[str, tuple[TrackFigures, _Track]] = {}
        """Of each kind the one with the lowest number."""
        self._unseen_s = -math.inf
        """Until then nobody looked at what came: the disk took nothing, or it was stopped."""
        self._is_seen = True

    def clear(self) -> None:
        """Another publish begins."""
        self._tracks.clear()
        self._shown.clear()

    def look(self, figures: RoomFigures, now_s: float, *, is_seen: bool) -> None:
        """Measure.

        Args:
            is_seen: what comes is looked at; while it is not, no frame is called missing.
        """
        self._is_seen = is_seen
        if not is_seen:
            self._unseen_s = now_s
        for found in figures.tracks:
            key = found.kind, found.track
            track = self._tracks.get(key)
            if track is None:
                # Announced and not sent: missing from now on.
                track = self._tracks[key] = _Track(frame_s=now_s)
            track.look(found, now_s)
            shown = self._shown.get(found.kind)
            if shown is None or not shown[1].total or found.track <= shown[0].track:
                self._shown[found.kind] = found, track
        if figures.tracks and figures.recording is not None:
            for had in figures.recording.tracks:
                if had.kind not in self._shown:
                    self._shown[had.kind] = _figures_of(had), _Track(frame_s=now_s)

    @property
    def video_frames(self) -> int:
        """Of the first video track, since the publish began."""
        return next((t.total for (kind, _), t in self._tracks.items() if kind == "video"), 0)

    @property
    def av_offset_ms(self) -> float | None:
        """Newest picture minus newest sound, of the first track of each."""
        video, audio = self._shown.get("video"), self._shown.get("audio")
        if video is None or audio is None or not self._is_seen:
            return None
        picture, sound = video[0].newest_dts, audio[0].newest_dts
        return None if picture is None or sound is None else float(picture - sound)

    def video(self, frame_rate: float | None, now_s: float) -> VideoView | None:
        shown = self._shown.get("video")
        if shown is None:
            return None
        found, track = shown
        return VideoView(
            found.codec,
            found.parameters.width,
            found.parameters.height,
            rounded(frame_rate) if self._is_seen else None,
            self._age(track.frame_s, now_s),
            self._age(track.key_s, now_s),
            None if found.key_distance_ms is None else rounded(found.key_distance_ms / 1000),
        )

    def audio(self, now_s: float) -> AudioView | None:
        shown = self._shown.get("audio")
        if shown is None:
            return None
        found, track = shown
        return AudioView(
            codec=found.codec,
            sample_rate=found.parameters.sample_rate,
            channels=found.parameters.channels,
            frame_age_s=self._age(track.frame_s, now_s),
        )

    def _age(self, at_s: float | None, now_s: float) -> float | None:
        if at_s is None or not self._is_seen:
            return None
        return rounded(now_s - max(at_s, self._unseen_s))


def _figures_of(had: TrackFacts) -> TrackFigures:
    """Of a track of which this publish has sent nothing."""
    return TrackFigures(
        kind=had.kind,
        track=had.track,
        codec=had.codec,
        parameters=TrackParameters(
            codec=had.codec,
            width=had.width,
            height=had.height,
            sample_rate=had.sample_rate,
            channels=had.channels,
        ),
        frames=0,
        newest_dts=None,
        key_dts=None,
        key_distance_ms=None,
    )
