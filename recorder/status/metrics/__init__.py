"""A snapshot and the counters beside it as Prometheus reads them.

Owns the names and labels (appliance §6) and nothing of where figures come from. Base units, moments
instead of ages, one meaning each. A label is a room, the storage's folder, or a word of a closed
list: never an address, a file or a person, for each new value is a new series for ever. What is not
known has no sample, because a zero would be a lie.

No registry of the process is used: what one scrape shows lives as long as the scrape.
"""

from recorder.status.metrics.counters import Counters, RoomCounters
from recorder.status.metrics.exposition import CONTENT_TYPE, Exposition

__all__ = ["CONTENT_TYPE", "Counters", "Exposition", "RoomCounters"]
