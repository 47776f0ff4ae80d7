"""Which bytes of a file a download gets: RFC 9110, as a table."""

from __future__ import annotations

import pytest

from recorder.status.downloads import NotSentError, Part, select

ETAG = '"5f-a"'
WHOLE = Part(0, 10, 10, is_partial=False)


def part(start: int, end: int) -> Part:
    return Part(start, end, 10, is_partial=True)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, WHOLE),
        ({"range": "bytes=0-4"}, part(0, 5)),
        ({"range": "bytes=5-"}, part(5, 10)),
        ({"range": "bytes=9-9"}, part(9, 10)),
        ({"range": "bytes=0-99"}, part(0, 10)),
        ({"range": "bytes=-3"}, part(7, 10)),
        ({"range": "bytes=-99"}, part(0, 10)),
        ({"range": "Bytes=1-2"}, part(1, 3)),
        # No range that we serve, or none at all: the whole file (§14.2).
        ({"range": "bytes=0-1,4-5"}, WHOLE),
        ({"range": "bytes=4-2"}, WHOLE),
        ({"range": "bytes=-"}, WHOLE),
        ({"range": "items=0-4"}, WHOLE),
        ({"range": "bytes=a-b"}, WHOLE),
        ({"range": "bytes=" + "9" * 30 + "-"}, WHOLE),
        ({"range": "bytes=0-4", "if-range": ETAG}, part(0, 5)),
        ({"range": "bytes=0-4", "if-range": '"other"'}, WHOLE),
        ({"range": "bytes=0-4", "if-range": "Sun, 22 Nov 2026 10:00:00 GMT"}, WHOLE),
        ({"if-none-match": '"other"'}, WHOLE),
        ({"range": "bytes=0-4", "if-match": ETAG}, part(0, 5)),
        ({"range": "bytes=0-4", "if-match": f'"a", {ETAG}'}, part(0, 5)),
        ({"if-match": "*"}, WHOLE),
    ],
)
def test_what_is_sent(headers: dict[str, str], expected: Part) -> None:
    assert select("GET", headers, size=10, etag=ETAG) == expected


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999-"])
def test_behind_the_end_there_is_nothing(asked: str) -> None:
    with pytest.raises(NotSentError) as refused:
        select("GET", {"range": asked}, size=10, etag=ETAG)
    assert refused.value.answer.status == 416
    assert refused.value.answer.headers == (("Content-Range", "bytes */10"),)


@pytest.mark.parametrize("asked", ["bytes=0-4", "bytes=99-"])
def test_a_range_is_of_get_alone(asked: str) -> None:
    # RFC 9110 §14.2.
    assert select("HEAD", {"range": asked}, size=10, etag=ETAG) == WHOLE


@pytest.mark.parametrize("known", [ETAG, "*", f'"a", {ETAG}', f"W/{ETAG}"])
def test_who_has_it_already_gets_nothing(known: str) -> None:
    with pytest.raises(NotSentError) as refused:
        select("GET", {"if-none-match": known, "range": "bytes=0-1"}, size=10, etag=ETAG)
    assert refused.value.answer.status == 304
    assert refused.value.answer.headers == (("ETag", ETAG),)


# A weak tag is never the same (§8.8.3.2).
@pytest.mark.parametrize("meant", ['"other"', f"W/{ETAG}", "", '"a", "b"'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_goes_on_with_another_file_gets_nothing_of_this_one(meant: str, method: str) -> None:
    with pytest.raises(NotSentError) as refused:
        select(method, {"if-match": meant, "range": "bytes=5-"}, size=10, etag=ETAG)
    assert refused.value.answer.status == 412


def test_a_part_says_where_it_lies() -> None:
    assert part(2, 5).headers == (("Content-Range", "bytes 2-4/10"),)
    assert WHOLE.headers == ()
