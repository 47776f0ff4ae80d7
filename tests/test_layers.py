"""The walls of design §3: who may import whom.

`broken_walls` looks at one module's source; the tests run it over the whole package, and over small
snippets that break each wall, so that a checker that sees nothing cannot pass.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PACKAGE = Path(__file__).parent.parent / "recorder"

FOLDERS = {"amf", "rtmp", "flv", "recording", "live", "status", "hooks"}

PURE_FOLDERS = {"amf": set[str](), "rtmp": {"amf"}, "flv": {"amf"}}
"""What the pure folders may know of ours, beside themselves. Everything else is forbidden."""

PURE_LIBRARIES = {
    "__future__", "abc", "array", "attrs", "binascii", "bisect", "collections", "contextlib",
    "enum", "functools", "hashlib", "hmac", "io", "itertools", "math", "operator", "re", "struct",
    "types", "typing", "urllib.parse",
}  # fmt: skip
"""What the pure folders may know of others: no clock, no randomness, no log, no effect."""

UNKNOWN_TO = {
    "recording": {"rtmp", "live", "status", "hooks", "app", "cli"},
    "live": {"status", "hooks", "app", "cli"},
    # They are handed snapshots and small interfaces by app.
    "status": {"amf", "rtmp", "flv", "recording", "live", "hooks", "app", "cli"},
    "hooks": {"amf", "rtmp", "flv", "recording", "live", "status", "app", "cli"},
    # It works on files by itself; everything that runs is the app's.
    "cli": {"amf", "rtmp", "live", "status", "hooks"},
}
"""What the others of ours must not know. Modules beside the folders know no folder at all."""

SPEAKS_HTTP = {
    "recorder.status",
    "recorder.hooks",
    "recorder.cli_control",
    "recorder.cli_status_source",
}
HTTP = {"h11", "trio_websocket", "wsproto", "http", "urllib.request"}
DECISIONS = {
    "recorder.app_drift",
    "recorder.app_news",
    "recorder.app_room_view",
    "recorder.app_tracks",
    "recorder.blanks",
    "recorder.config.changes",
    "recorder.hooks.announced",
    "recorder.hooks.events",
    "recorder.hooks.gathering",
    "recorder.hooks.patience",
    "recorder.hooks.signature",
    "recorder.hooks.targets",
    "recorder.live.access",
    "recorder.live.attempts",
    "recorder.live.audience",
    "recorder.live.challenges",
    "recorder.live.login_desk",
    "recorder.live.pace",
    "recorder.live.pool",
    "recorder.live.pulse",
    "recorder.live.relay_times",
    "recorder.live.stay",
    "recorder.live.takeover",
    "recorder.recording.actions",
    "recorder.recording.alignment",
    "recorder.recording.backlog",
    "recorder.recording.bad_sectors",
    "recorder.recording.comparison",
    "recorder.recording.continuation",
    "recorder.recording.cuts",
    "recorder.recording.entries",
    "recorder.recording.figures",
    "recorder.recording.findings",
    "recorder.recording.health",
    "recorder.recording.hold",
    "recorder.recording.inspection",
    "recorder.recording.late_rows",
    "recorder.recording.long_way",
    "recorder.recording.mounts",
    "recorder.recording.muted",
    "recorder.recording.open_files",
    "recorder.recording.recovery_plan",
    "recorder.recording.retention.candidates",
    "recorder.recording.retention.decision",
    "recorder.recording.retention.fuse",
    "recorder.recording.retention.ledger",
    "recorder.recording.retention.planner",
    "recorder.recording.retention.refusals",
    "recorder.recording.retention.report",
    "recorder.recording.retention.rules",
    "recorder.recording.retention.space",
    "recorder.recording.rows",
    "recorder.recording.short_way",
    "recorder.recording.slowest",
    "recorder.recording.segment",
    "recorder.recording.segmenter",
    "recorder.recording.segments",
    "recorder.recording.tracks",
    "recorder.recording.waiting",
    "recorder.status.alarm_rules",
    "recorder.status.condition",
    "recorder.status.disk_rules",
    "recorder.status.doors",
    "recorder.status.downloads",
    "recorder.status.hook_rules",
    "recorder.status.intake",
    "recorder.status.operations",
    "recorder.status.places",
    "recorder.status.room_rules",
    "recorder.status.system_rules",
    "recorder.neighbours",
    "recorder.passwords",
    "recorder.status.digits",
    "recorder.status.house_views",
    "recorder.status.room_views",
    "recorder.status.snapshot",
}
EFFECTS = {
    "trio", "time", "logging", "random", "secrets", "os", "socket", "threading", "subprocess",
    "sqlite3", "pathlib", "shutil",
}  # fmt: skip
"""What a decision has no use for: time and randomness come in as arguments."""

AWAITING = {
    "recorder.app",
    "recorder.app_archive",
    "recorder.app_arrival",
    "recorder.app_board",
    "recorder.app_deliver",
    "recorder.app_download",
    "recorder.app_ending",
    "recorder.app_hooks",
    "recorder.app_last_good",
    "recorder.app_listeners",
    "recorder.app_machine",
    "recorder.app_reload",
    "recorder.app_repeats",
    "recorder.app_rooms",
    "recorder.app_service",
    "recorder.app_sockets",
    "recorder.app_status",
    "recorder.live",
    "recorder.recording.clock_watch",
    "recorder.recording.engine",
    "recorder.recording.guard",
    "recorder.recording.hashing",
    "recorder.recording.hop",
    "recorder.recording.indexing",
    "recorder.recording.repairs",
    "recorder.recording.retention.hand",
    "recorder.recording.retention.sweeper",
    "recorder.recording.writer",
    "recorder.status",
    "recorder.hooks",
}
"""Where something may wait, and so where Trio may be."""

ONE_LOOP = {"asyncio", "anyio", "concurrent", "multiprocessing"}
LOADERS = {"importlib", "runpy", "pkgutil"}


def broken_walls(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """Return one line for each import that goes through a wall."""
    tree = ast.parse(source)
    at_once = set(_imports(_run_at_import(tree), module, is_package=is_package))
    names = sorted(set(_imports(ast.walk(tree), module, is_package=is_package)))
    broken = []
    for name in names:
        reason = _objection(module, name, at_once=name in at_once)
        if reason is not None:
            broken.append(f"{module} imports {name}: {reason}")
    return broken


def _run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Walk what runs when the module is imported: no function, nothing for type checkers only."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            return
        case ast.If(test=ast.Name("TYPE_CHECKING")):
            return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _run_at_import(child)


def _imports(nodes: Iterable[ast.AST], module: str, *, is_package: bool) -> Iterator[str]:
    """Name what is imported; for `from a import b` both may be meant, and `a.b` says so."""
    for node in nodes:
        match node:
            case ast.Import():
                for alias in node.names:
                    yield alias.name
            case ast.ImportFrom():
                base = _base(node, module, is_package=is_package)
                for alias in node.names:
                    yield f"{base}.{alias.name}"
            case ast.Name("__import__" | "eval" | "exec"):
                yield "importlib"


def _base(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    if not node.level:
        return str(node.module)
    parts = module.split(".")
    kept = parts[: len(parts) - node.level + is_package]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _objection(module: str, name: str, *, at_once: bool) -> str | None:
    if _within(name, ONE_LOOP):
        return "there is one loop, and it is Trio's"
    if _within(name, {"trio"}) and not _within(module, AWAITING):
        return "nothing waits here"
    if _within(name, LOADERS):
        return "an import that nobody can see"
    if _within(module, DECISIONS) and _within(name, EFFECTS):
        return "a decision has no effects, no clock and no chance"
    if _within(name, HTTP) and not _within(module, SPEAKS_HTTP):
        return "HTTP belongs to status, to hooks, and to how the command line reaches the recorder"
    if _part(name) is None:
        pure = _part(module) in PURE_FOLDERS
        return "not pure" if pure and not _within(name, PURE_LIBRARIES) else None
    return _objection_to_ours(module, name, at_once=at_once)


def _objection_to_ours(module: str, name: str, *, at_once: bool) -> str | None:
    here, there = _part(module), _part(name)
    if here == there:
        return None
    if here in PURE_FOLDERS:
        return None if there in PURE_FOLDERS[str(here)] else f"{here} does not know {there}"
    if there == "cli":
        return None if here == "__main__" else "nobody calls the command line"
    if there == "app":
        if here != "cli":
            return "nobody knows the app but the command line"
        return "only when it is needed: it brings everything" if at_once else None
    if here == "app":
        return None
    if here in UNKNOWN_TO:
        return f"{here} does not know {there}" if there in UNKNOWN_TO[str(here)] else None
    return "only app sees everything" if there in FOLDERS else None


def _part(name: str) -> str | None:
    """Return the folder or module of ours that the name belongs to; None: it is not ours."""
    parts = name.split(".")
    if parts[0] != "recorder":
        return None
    if len(parts) == 1:
        return "__init__"
    # One command to a file: `cli_list` is a part of the command line; so too of the app.
    return next((part for part in ("cli", "app") if parts[1].startswith(f"{part}_")), parts[1])


def _within(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@pytest.mark.parametrize(
    ("module", "path"), [pytest.param(*each, id=each[0]) for each in modules()]
)
def test_every_wall_of_the_house_stands(module: str, path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert broken_walls(module, source, is_package=path.name == "__init__.py") == []


def test_the_walk_finds_every_folder() -> None:
    found = {module for module, _ in modules()}
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert {"recorder", "recorder.amf", "recorder.amf.amf0", "recorder.live.access"} <= found
    assert folders <= FOLDERS | {"config"}, "a new folder needs walls of its own"
    assert found >= {f"recorder.{folder}" for folder in folders}


BROKEN = [
    # the pure folders: no Trio, no clock, no log, no chance, no effect
    *[
        (f"recorder.{folder}.x", f"import {library}")
        for folder in PURE_FOLDERS
        for library in (
            "trio", "time", "datetime", "logging", "random", "secrets", "os", "os.path", "socket",
            "pathlib", "threading", "asyncio", "click", "urllib", "urllib.request",
        )
    ],
    ("recorder.amf", "from os import urandom"),
    ("recorder.rtmp.x", "def f():\n    from time import monotonic"),
    ("recorder.rtmp.x", "if TYPE_CHECKING:\n    import trio"),
    ("recorder.rtmp.x", "time = __import__('time')"),
    ("recorder.rtmp.x", "import importlib"),
    ("recorder.flv.x", "import trio as t"),
    ("recorder.flv.x", "import struct, time"),
    # rtmp and flv know amf and nothing else of ours; amf knows nothing
    ("recorder.rtmp.x", "import recorder.flv.tags"),
    ("recorder.rtmp.x", "from recorder import flv"),
    ("recorder.rtmp.x", "from recorder.flv import tags"),
    ("recorder.rtmp.x", "from ..flv.tags import AUDIO"),
    ("recorder.rtmp", "from ..flv import tags"),
    ("recorder.flv.x", "from recorder.rtmp import MessageType"),
    ("recorder.flv.x", "from recorder.recording import segmenter"),
    ("recorder.rtmp.x", "from recorder.clock import Clock"),
    ("recorder.rtmp.x", "from recorder import __version__"),
    ("recorder.flv.x", "import recorder.config"),
    ("recorder.amf.x", "from recorder.rtmp import Limits"),
    ("recorder.amf.x", "from recorder.flv import tags"),
    ("recorder.amf.x", "import recorder"),
    # recording does not know RTMP or HTTP
    ("recorder.recording.x", "from recorder.rtmp import MessageType"),
    ("recorder.recording.x", "from recorder.live.room import Room"),
    ("recorder.recording.x", "from recorder.status import snapshot"),
    ("recorder.recording.x", "import recorder.hooks"),
    ("recorder.recording.x", "import h11"),
    ("recorder.recording.x", "from recorder import app"),
    # live does not know HTTP
    ("recorder.live.session", "from recorder.status.snapshot import Snapshot"),
    ("recorder.live.session", "from recorder.hooks import outbox"),
    ("recorder.live.session", "import h11"),
    ("recorder.live.session", "from trio_websocket import open_websocket"),
    ("recorder.live.session", "import http.server"),
    ("recorder.live.session", "from recorder.app import run"),
    # status and hooks are handed what they need
    ("recorder.status.x", "from recorder.live.rooms import Rooms"),
    ("recorder.status.x", "from recorder.recording.storage import Storage"),
    ("recorder.status.x", "from recorder.rtmp import ServerConnection"),
    ("recorder.hooks.x", "from recorder.live import rooms"),
    ("recorder.hooks.x", "from recorder.recording import manifest"),
    ("recorder.hooks.x", "from recorder.status import alarms"),
    # only app sees everything, and only the command line sees the app
    ("recorder.config", "from recorder.live.takeover import TakeoverPolicy"),
    ("recorder.clock", "import recorder.recording.naming"),
    ("recorder.logs", "from recorder import status"),
    ("recorder", "from recorder import amf"),
    ("recorder", "from . import rtmp"),
    ("recorder.config", "from recorder.app import run"),
    ("recorder.__main__", "from recorder.app import run"),
    ("recorder.app", "from recorder.cli import main"),
    ("recorder.cli", "from recorder.app import run"),
    ("recorder.cli", "from recorder import app"),
    ("recorder.cli", "try:\n    from recorder.app import run\nfinally:\n    pass"),
    ("recorder.cli", "class A:\n    import recorder.app"),
    ("recorder.cli", "from recorder.live import access"),
    ("recorder.cli_list", "from recorder.live import access"),
    ("recorder.cli_list", "import recorder.app"),
    ("recorder.app", "from recorder import cli_list"),
    ("recorder.cli_list", "import trio"),
    # Trio where something waits, and only Trio
    ("recorder.recording.files", "import trio"),
    ("recorder.recording.storage", "from trio import to_thread"),
    ("recorder.config", "import trio"),
    ("recorder.cli", "import trio"),
    ("recorder.app", "import asyncio"),
    ("recorder.live.session", "import concurrent.futures"),
    # decisions
    *[(module, "import trio") for module in sorted(DECISIONS)],
    *[(module, "import time") for module in sorted(DECISIONS)],
    *[(module, "from os import urandom") for module in sorted(DECISIONS)],
    *[(module, "import logging") for module in sorted(DECISIONS)],
]  # fmt: skip


@pytest.mark.parametrize(("module", "source"), BROKEN)
def test_a_broken_wall_is_seen(module: str, source: str) -> None:
    is_package = module in {"recorder", "recorder.amf", "recorder.rtmp"}
    assert len(broken_walls(module, source, is_package=is_package)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("recorder.rtmp.x", "from recorder.amf import decode_values\nimport struct, attrs"),
        ("recorder.rtmp.x", "from . import chunks\nfrom .chunks import Reader"),
        ("recorder.rtmp.x", "from collections.abc import Iterator\nfrom urllib.parse import quote"),
        ("recorder.rtmp", "from .chunks import Reader\nfrom recorder.rtmp import events"),
        ("recorder.recording.x", "from recorder.flv import tags\nfrom recorder.clock import Clock"),
        ("recorder.recording.writer", "import trio\nimport logging"),
        ("recorder.recording.files", "import os, time, logging"),
        ("recorder.live.session", "import trio\nfrom recorder.rtmp import ServerConnection"),
        ("recorder.live.room", "from recorder.recording.manifest import Client"),
        ("recorder.live.access", "import hmac, hashlib, re\nfrom urllib.parse import unquote"),
        ("recorder.status.http", "import h11, trio, trio_websocket"),
        ("recorder.app", "import trio\nfrom recorder import live, recording, status, hooks, rtmp"),
        ("recorder.cli", "def run():\n    from recorder.app import run"),
        ("recorder.cli", "if TYPE_CHECKING:\n    from recorder.app import Report"),
        ("recorder.cli", "from recorder.config import load"),
        ("recorder.cli", "from recorder.cli_list import list_command"),
        ("recorder.cli_list", "from recorder.recording import listing"),
        ("recorder.__main__", "from recorder.cli import main"),
        (
            "recorder.config.schema",
            "from recorder.config import rules, units\nimport os, ipaddress",
        ),
        ("recorder.timely", "import timely, trios"),
    ],
)
def test_what_is_allowed_is_not_seen_as_broken(module: str, source: str) -> None:
    is_package = module == "recorder.rtmp"
    assert broken_walls(module, source, is_package=is_package) == []
