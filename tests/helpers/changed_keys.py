"""Every key of the configuration, changed once: what is added to a file with one room, and which
key that is. Held against the table of `recorder.config.changes` by its test."""

from __future__ import annotations

KEY = "a-long-enough-key-1"
OTHER_KEY = "a-long-enough-key-2"

ROOM = f"rooms: {{a: {{key: {KEY}}}}}\n"

CERTIFICATE = {"certificate": "a.pem", "private_key": "b.pem"}

ONE_KEY = [
    ("state: other", "state"),
    ("storage: {directory: other}", "storage.directory"),
    ("storage: {sync_interval: 9s}", "storage.sync_interval"),
    ("storage: {stop_timeout: 9s}", "storage.stop_timeout"),
    ("storage: {buffer: 9MiB}", "storage.buffer"),
    ("segments: {duration: 9s}", "segments.duration"),
    ("segments: {size: 9MiB}", "segments.size"),
    ("segments: {align_to_clock: true}", "segments.align_to_clock"),
    ("recording: {max_duration: 9h}", "recording.max_duration"),
    ("recording: {reconnect_window: 9s}", "recording.reconnect_window"),
    ("recording: {first_media_timeout: 9s}", "recording.first_media_timeout"),
    ("recording: {idle_timeout: 9s}", "recording.idle_timeout"),
    ("retention: {max_age: 9d}", "retention.max_age"),
    ("retention: {max_size: 9GiB}", "retention.max_size"),
    ("retention: {min_free: {size: 9GiB}}", "retention.min_free.size"),
    ("retention: {min_free: {time: 9h}}", "retention.min_free.time"),
    ("retention: {when_full: stop-recording}", "retention.when_full"),
    ("clock: {trust: always}", "clock.trust"),
    ("clock: {timezone: Asia/Tokyo}", "clock.timezone"),
    ('rtmp: {listen: ["0.0.0.0:9"]}', "rtmp.listen"),
    ("rtmp: {application: other}", "rtmp.application"),
    ("rtmp: {takeover: never}", "rtmp.takeover"),
    ("rtmp: {max_delay: 9s}", "rtmp.max_delay"),
    ('status: {listen: ["127.0.0.1:9"]}', "status.listen"),
    (
        f'status: {{password: "scrypt$14$8$1${"a" * 22}${"b" * 43}="}}',
        "status.password",
    ),
    ("status: {public: true}", "status.public"),
    ("status: {names: [other.example]}", "status.names"),
    ("status: {tls: {certificate: a.pem, private_key: b.pem}}", "status.tls"),
    ("rtmp: {tls: {certificate: a.pem, private_key: b.pem}}", "rtmp.tls"),
    ("limits: {connections: 9}", "limits.connections"),
    ("limits: {publishers: 9}", "limits.publishers"),
    ("limits: {viewers: 9}", "limits.viewers"),
    ("limits: {clients: 9}", "limits.clients"),
    ("limits: {rooms: 9}", "limits.rooms"),
    ("limits: {memory: 99MiB}", "limits.memory"),
    ("hooks: {timeout: 9s}", "hooks"),
    ("log: {level: debug}", "log.level"),
    ("log: {format: json}", "log.format"),
]

OF_A_CERTIFICATE = [
    ("rtmp.tls", "listen", '["127.0.0.1:9"]'),
    *((each, key, "c.pem") for each in ("rtmp.tls", "status.tls") for key in CERTIFICATE),
]
"""The block, the key in it, and its other value."""
