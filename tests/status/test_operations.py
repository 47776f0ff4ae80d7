"""Addresses and methods onto actions: a request in, an answer out."""

from __future__ import annotations

import json

import pytest

from recorder.status.messages import BadRequestError, Request
from recorder.status.operations import LONGEST_REASON, Operations
from tests.status.fakes import FakeActions, refused

API = "/api/v1"


async def asked(
    method: str, path: str, body: bytes = b"", actions: FakeActions | None = None
) -> tuple[int, object]:
    request = Request(method=method, path=path, body=body, who="ada")
    answer = await Operations(actions or FakeActions()).answer(request)
    return answer.status, answer.document


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


async def test_another_method_is_told_which_work() -> None:
    operations = Operations(FakeActions())
    answer = await operations.answer(Request(method="PUT", path="/api/v1/sweep"))
    assert (answer.status, answer.allow) == (405, ("GET", "POST"))
    assert json.loads(answer.body) == {"error": "Only GET and POST work here."}


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
