"""How often a peer did what it should not, or what we had to guess.

Owns the counters of one connection. The session adds them to its manifest and its log: what was
dropped or corrected is never silent (design §5).
"""

from __future__ import annotations

import attrs


@attrs.define
class Counters:
    """Anomalies by name."""

    delta_zero_format3: int = 0
    """New-message format 3 read as "same time as before": an old librtmp (§2.2)."""

    guarded_format3: int = 0
    """New-message format 3 behind a late format 0, its delta taken as 0 (§2.2)."""

    extended_absent: int = 0
    """Format 3 without the extended timestamp that it should repeat (§2.3)."""

    format1_first: int = 0
    """A chunk stream that began with format 1 (§2.2)."""

    aborted_messages: int = 0
    """Unfinished messages dropped by Abort (§2.5)."""

    short_control: int = 0
    """Control messages too short to be read, ignored (§2.5)."""

    unknown_messages: int = 0
    """Message types outside §2.7, and shared objects: ignored."""

    unknown_commands: int = 0
    """Commands that we do not know, answered by the general rule (§4.3 rule 5)."""

    undecodable_commands: int = 0
    """Commands that are no AMF, or have no name: ignored."""

    undecodable_data: int = 0
    """Data messages that are no AMF, or do not begin with a name: dropped (§6 row 14)."""

    excess_data: int = 0
    """Data messages beyond what the application allowed, dropped unread (§5.7)."""

    cleared_data_frames: int = 0
    """`@clearDataFrame`: nothing to record."""

    broken_aggregates: int = 0
    """Aggregates whose last part was cut off or malformed: the good parts were delivered."""

    media_without_publish: int = 0
    """Media and data for a stream that is not publishing, dropped (§6 row 28)."""

    acknowledgements: int = 0
    """Acknowledgements from the peer: no anomaly, but the only sign that it reads."""

    def as_dict(self) -> dict[str, int]:
        """Return the counters that are not zero."""
        return {name: count for name, count in attrs.asdict(self).items() if count}
