"""The configuration: the public face.

`load` reads one file into frozen classes and reports every problem at once; `file` knows where it
is found, who may read it and how the first one is made. Knows no other part of the recorder.
"""

from recorder.config.file import ConfigError
from recorder.config.hooks import HooksConfig
from recorder.config.loading import interpret, load
from recorder.config.schema import (
    ClockConfig,
    Config,
    LimitsConfig,
    LogConfig,
    RecordingConfig,
    RoomConfig,
    RtmpConfig,
    SegmentsConfig,
    StatusConfig,
    StorageConfig,
    TlsConfig,
)

__all__ = [
    "ClockConfig",
    "Config",
    "ConfigError",
    "HooksConfig",
    "LimitsConfig",
    "LogConfig",
    "RecordingConfig",
    "RoomConfig",
    "RtmpConfig",
    "SegmentsConfig",
    "StatusConfig",
    "StorageConfig",
    "TlsConfig",
    "interpret",
    "load",
]
