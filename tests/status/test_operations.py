"""Addresses and methods onto actions: a request in, an answer out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import attrs
import pytest

from recorder.status import site
from recorder.status.messages import BadRequestError, Level, Request
from recorder.status.operations import LONGEST_REASON, Operations
from recorder.status.pages import Pages
from tests.helpers.endpoints import ENDPOINTS
from tests.helpers.recordings import folder_of
from tests.status.fakes import FakeActions, refused

API = "/api/v1"


async def asked(
    method: str, path: str, body: bytes = b"", actions: FakeActions | None = None
) -> tuple[int, object]:
    request = Request(method=method, path=path, body=body, who="ada")
    answer = await Operations(actions or FakeActions()).answer(request)
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize(
    ("method", "path", "body", "call"),
    [
        ("POST", "/recordings/42/keep", b'{"why": "exam"}', "keep 42 ada exam"),
        ("POST", "/recordings/42/keep", b"", "keep 42 ada "),
        ("POST", "/recordings/42/unkeep", b"", "unkeep 42"),
        ("DELETE", "/recordings/42", b"", "delete 42"),
        ("GET", "/sweep", b"", "plan"),
        ("POST", "/sweep", b"", "sweep"),
        ("POST", "/sweep", b'{"confirm": "abcdef01"}', "confirm abcdef01"),
        ("GET", "/status", b"", "status"),
        ("GET", "/rooms/room101/history", b"", "history room101"),
        ("POST", "/rooms/room101/split", b"", "split room101 ada"),
        ("POST", "/rooms/room101/stop", b"", "stop room101 ada"),
        ("POST", "/rooms/room101/start", b"", "start room101 ada"),
        ("GET", "/recordings", b"", "recordings None None None None"),
        ("GET", "/alarms", b"", "alarms"),
        ("POST", "/alarms/time_left-3/acknowledge", b"", "acknowledge time_left-3 ada"),
    ],
)
async def test_each_address_is_an_action(method: str, path: str, body: bytes, call: str) -> None:
    assert await asked(method, API + path, body) == (200, {"done": call})


@pytest.mark.parametrize(
    "path",
    ["/", "/api/v1", "/api/v1/recordings/0", "/api/v1/recordings/042/keep", "/api/v1/sweep/",
     "/api/v1/recordings/9999999999999999999", "/api/v1/recordings/4\n2"],
)  # fmt: skip
async def test_elsewhere_there_is_nothing(path: str) -> None:
    assert await asked("GET", path) == (404, {"error": "There is nothing at this address."})


@pytest.mark.parametrize(
    ("path", "allowed", "told"),
    [("sweep", "GET, HEAD, POST", "GET and POST work"), ("rooms/hall/split", "POST", "POST works")],
)
async def test_another_method_is_told_which_work(path: str, allowed: str, told: str) -> None:
    operations = Operations(FakeActions())
    answer = await operations.answer(Request(method="PUT", path=f"/api/v1/{path}"))
    assert (answer.status, answer.headers) == (405, (("Allow", allowed),))
    assert json.loads(answer.body) == {"error": f"Only {told} here."}


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/recordings/1/keep", b"{", "The body is not JSON."),
        ("/recordings/1/keep", b"[" * 10_000, "The body is not JSON."),
        ("/recordings/1/keep", b"[]", "The body is not a JSON object."),
        ("/recordings/1/keep", b'{"why": 5}', "`why` must be one line"),
        ("/recordings/1/keep", b'{"why": "a\\nb"}', "`why` must be one line"),
        (
            "/recordings/1/keep",
            json.dumps({"why": "x" * (LONGEST_REASON + 1)}).encode(),
            "`why` must be one line",
        ),
        ("/sweep", b'{"confirm": 5}', "`confirm` must be the id of a plan."),
    ],
)
async def test_a_bad_body_is_a_bad_request(path: str, body: bytes, error: str) -> None:
    status, document = await asked("POST", API + path, body)
    assert status == 400
    assert isinstance(document, dict)
    assert document["error"].startswith(error)


@pytest.mark.parametrize(("is_missing", "status"), [(True, 404), (False, 409)])
async def test_a_refusal_is_its_sentence(is_missing: bool, status: int) -> None:
    actions = FakeActions(refusal=refused("No.", is_missing=is_missing))
    assert await asked("GET", f"{API}/sweep", actions=actions) == (status, {"error": "No."})


def test_a_body_of_fields_is_read_once_it_is_asked_for() -> None:
    assert Request(method="POST", path="/").fields() == {}
    with pytest.raises(BadRequestError):
        Request(method="POST", path="/", body=b"5").fields()


@pytest.mark.parametrize(
    ("query", "call"),
    [
        ("room=hall&from=2026-11-01&to=2026-11-02&cursor=7",
         "recordings hall 2026-11-01 2026-11-02 7"),
        ("room=&from=&to=&cursor=", "recordings None None None None"),
        ("room=a&room=b", "recordings b None None None"),
    ],
)  # fmt: skip
async def test_recordings_are_found_by_room_and_day(query: str, call: str) -> None:
    actions = FakeActions()
    request = Request(method="GET", path="/api/v1/recordings", query=query)
    assert (await Operations(actions).answer(request)).status == 200
    assert actions.calls == [call]


@pytest.mark.parametrize(
    "query",
    ["room=../x", "from=today", "to=2026-1-1", "cursor=0", "cursor=x", "cursor=-1",
     "&".join(f"a{n}=1" for n in range(30))],
)  # fmt: skip
async def test_a_search_that_makes_no_sense_is_a_bad_request(query: str) -> None:
    request = Request(method="GET", path="/api/v1/recordings", query=query)
    assert (await Operations(FakeActions()).answer(request)).status == 400


FOLDER = "/recordings/room101/2026-11-22/0000042-103000Z"


async def test_a_segment_is_fetched_by_the_names_of_the_catalogue() -> None:
    actions = FakeActions()
    request = Request(method="HEAD", path=f"{FOLDER}/0001.flv")
    answer = await Operations(actions).answer(request)
    assert answer.download is not None
    assert actions.calls == ["download room101/2026-11-22/0000042-103000Z 0001.flv"]


@pytest.mark.parametrize(
    "path",
    [f"{FOLDER}/0001.flv.part", f"{FOLDER}/recording.json", f"{FOLDER}/../../.recorder/lock",
     f"{FOLDER}/..", "/recordings/../etc/passwd", f"{FOLDER}/0001.flv/", f"{FOLDER}//0001.flv",
     f"{FOLDER}/0001.flv\0", f"{FOLDER}\\0001.flv", "/recordings/.recorder/open/0000001"],
)  # fmt: skip
async def test_no_path_leads_anywhere_else(path: str) -> None:
    actions = FakeActions()
    answer = await Operations(actions).answer(Request(method="GET", path=path))
    assert answer.status == 404
    assert actions.calls == []


LEAST = {
    ("GET", "/api/v1/status"): Level.READER,
    ("GET", "/api/v1/live"): Level.READER,
    ("GET", "/api/v1/rooms/a/history"): Level.READER,
    ("POST", "/api/v1/rooms/a/split"): Level.OPERATOR,
    ("POST", "/api/v1/rooms/a/stop"): Level.OPERATOR,
    ("POST", "/api/v1/rooms/a/start"): Level.OPERATOR,
    ("GET", "/api/v1/recordings"): Level.OPERATOR,
    ("DELETE", "/api/v1/recordings/1"): Level.OPERATOR,
    ("POST", "/api/v1/recordings/1/keep"): Level.OPERATOR,
    ("POST", "/api/v1/recordings/1/unkeep"): Level.OPERATOR,
    ("GET", f"{FOLDER}/0001.flv"): Level.OPERATOR,
    ("GET", "/api/v1/alarms"): Level.READER,
    ("POST", "/api/v1/alarms/a-1/acknowledge"): Level.OPERATOR,
    ("GET", "/api/v1/sweep"): Level.OPERATOR,
    ("POST", "/api/v1/sweep"): Level.OPERATOR,
    ("GET", "/metrics"): Level.READER,
    ("GET", "/healthz"): Level.NOBODY,
}


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize(("endpoint", "least"), LEAST.items())
async def test_each_address_asks_for_its_level(
    endpoint: tuple[str, str], least: Level, level: Level
) -> None:
    actions = FakeActions()
    request = Request(method=endpoint[0], path=endpoint[1], level=level, headers=UPGRADE)
    answer = await Operations(actions).answer(request)
    if level >= least:
        assert answer.status in (101, 200)
    else:
        assert answer.status == (401 if level is Level.NOBODY else 403)
        assert actions.calls == []


def test_every_address_is_in_that_table() -> None:
    routes = Operations(FakeActions())._routes
    for route in routes:
        for method in route.handlers:
            assert any(
                method == known and route.pattern.fullmatch(path) for known, path in LEAST
            ), (method, route.pattern.pattern)


def test_every_address_is_asked_of_the_program_too() -> None:
    asked = [endpoint.format(path=folder_of(1)).partition(" ")[::2] for endpoint in ENDPOINTS]
    for route in Operations(FakeActions())._routes:
        for method in route.handlers:
            assert any(
                method == known and route.pattern.fullmatch(path.partition("?")[0])
                for known, path in asked
            ), (method, route.pattern.pattern)
    # What the door answers by itself.
    at_the_door = re.findall(r'"(/api/v1/\w+)"', Path(site.__file__).read_text())
    assert len(at_the_door) == 3
    assert set(at_the_door) <= {path for _, path in asked}


@pytest.mark.parametrize("level", [Level.NOBODY, Level.READER])
@pytest.mark.parametrize("is_healthy", [True, False])
async def test_health_names_the_alarms_that_make_it_so_to_who_may_look(
    level: Level, is_healthy: bool
) -> None:
    actions = FakeActions(healthy=is_healthy)
    answer = await Operations(actions).answer(Request(method="GET", path="/healthz", level=level))
    assert answer.status == (200 if is_healthy else 503)
    alarms = [] if is_healthy else [{"id": "disk_failed-1"}]
    seen = {} if level is Level.NOBODY else {"alarms": alarms}
    assert json.loads(answer.body) == {"healthy": is_healthy} | seen


UPGRADE = {
    "host": "x",
    "connection": "keep-alive, Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.mark.parametrize(
    "change",
    [{"connection": "keep-alive"}, {"connection": "\xff"}, {"upgrade": "h2c"},
     {"sec-websocket-version": "8"}, {"sec-websocket-key": "AAAA"}, {"sec-websocket-key": "\xff"},
     {"content-length": "5"}, {"transfer-encoding": "chunked"}, {"x-anything": "\xff"}],
)  # fmt: skip
async def test_an_upgrade_that_the_library_would_hang_on_is_refused(change: dict[str, str]) -> None:
    request = Request(method="GET", path="/api/v1/live", headers=UPGRADE | change)
    assert (await Operations(FakeActions()).answer(request)).status == 400


async def test_one_viewer_too_many_is_sent_away() -> None:
    request = Request(method="GET", path="/api/v1/live", headers=UPGRADE)
    assert (await Operations(FakeActions(watchable=False)).answer(request)).status == 503


async def test_who_watches_does_so_as_whom_he_asks() -> None:
    operations = Operations(FakeActions())
    request = Request(method="GET", path="/api/v1/live", headers=UPGRADE)
    for level, is_operator in ((Level.READER, False), (Level.OPERATOR, True)):
        answer = await operations.answer(attrs.evolve(request, level=level))
        assert answer.status == 101
        assert answer.watcher is not None
        assert answer.watcher.is_operator is is_operator


async def test_the_page_is_answered_behind_everything_else() -> None:
    operations = Operations(FakeActions(), Pages({"/index.html": b"<p>"}))
    nobody = Level.NOBODY
    page = await operations.answer(Request(method="GET", path="/", level=nobody))
    assert (page.status, page.body) == (200, b"<p>")
    post = await operations.answer(Request(method="POST", path="/", level=nobody))
    assert post.status == 405
