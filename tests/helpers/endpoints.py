"""Every address of the page's door, and how it answers whom, where `hall` is a room, recording 1 is
over and nothing else is there. Held against the routes by `tests/status/test_operations.py`, and
against the program by `tests/real/test_page_doors.py`.
"""

from __future__ import annotations

FILE = "/recordings/{path}/0001.flv"
"""`path`: of the recording's folder."""

ENDPOINTS = {
    "GET /": (200, 200, 200),
    "GET /app.js": (200, 200, 200),
    "GET /nothing": (404, 404, 404),
    "POST /": (405, 405, 405),
    "GET /healthz": (200, 200, 200),
    "GET /api/v1/session": (200, 200, 200),
    "GET /api/v1/login": (405, 405, 405),
    "POST /api/v1/login": (400, 400, 400),
    "GET /api/v1/status": (401, 200, 200),
    "HEAD /api/v1/status": (401, 200, 200),
    "GET /api/v1/live": (401, 400, 400),
    "GET /api/v1/rooms/hall/history": (401, 200, 200),
    "GET /api/v1/rooms/cellar/history": (401, 404, 404),
    "POST /api/v1/rooms/hall/split": (401, 403, 409),
    "POST /api/v1/rooms/hall/stop": (401, 403, 409),
    "POST /api/v1/rooms/hall/start": (401, 403, 409),
    "GET /api/v1/recordings": (401, 403, 200),
    "GET /api/v1/recordings?room=..": (401, 403, 400),
    f"GET {FILE}": (401, 403, 200),
    f"HEAD {FILE}": (401, 403, 200),
    f"POST {FILE}": (401, 403, 405),
    "POST /api/v1/recordings/1/keep": (401, 403, 200),
    "POST /api/v1/recordings/9/keep": (401, 403, 404),
    "POST /api/v1/recordings/1/unkeep": (401, 403, 200),
    "GET /api/v1/alarms": (401, 200, 200),
    "POST /api/v1/alarms/none-1/acknowledge": (401, 403, 404),
    "GET /api/v1/sweep": (401, 403, 200),
    "POST /api/v1/sweep": (401, 403, 200),
    "GET /metrics": (401, 200, 200),
    "POST /api/v1/logout": (200, 200, 200),
    "DELETE /api/v1/recordings/1": (401, 403, 200),
}
"""What each answers to nobody, to who may only look, and to an operator, in this order: the last
one takes away what those before it need."""
