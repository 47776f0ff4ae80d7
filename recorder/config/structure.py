"""Plain values into frozen attrs classes by cattrs, strictly, with errors in a person's words.

cattrs does the walking; this module gives it the rules that the fields carry (see `rules`), checks
that a block is a block and a list a list, and turns its tree of exceptions into Problems with line
and path. It knows no key by name.
"""

import difflib
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar, get_args, get_origin

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from recorder.config import rules
from recorder.config.document import Document, KeyPath, Problem
from recorder.config.units import UnitError

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]

NOT_IN_FILE = "not_in_file"
"""Metadata of a field that no file may set: `attrs.field(metadata={NOT_IN_FILE: True})`."""


def structure(
    raw: Any, kind: type[T], document: Document, why_unknown: Callable[[KeyPath], str | None]
) -> tuple[T | None, list[Problem]]:
    """The value, or None and what is wrong.

    `raw` may hold more than `document` does (common values laid under a room's own): a mistake that
    has no place in the document came from there and is left out, as it is reported where it stands.
    `why_unknown` may explain a key that the classes do not have.
    """
    try:
        return _CONVERTER.structure(raw, kind), []
    except (cattrs.BaseValidationError, rules.WrongValueError) as error:
        return None, list(_explained(error, document, why_unknown))


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def _rule_of(kind: Any) -> rules.Rule | None:
    """The rule a field's type carries."""
    if _origin(kind) is Literal:
        return rules.OneOf(get_args(kind))
    return next(iter(getattr(kind, "__metadata__", ())), None)


def _by_rule(kind: Any) -> Hook:
    rule = _rule_of(kind)
    assert rule is not None
    return lambda value, _: rule.read(value)


def _block(kind: Any) -> Hook:
    """A block of known keys and nothing else."""
    omitted: Any = {
        field.name: override(omit=True)
        for field in attrs.fields(kind)
        if NOT_IN_FILE in field.metadata
    }
    inner = make_dict_structure_fn(kind, _CONVERTER, _cattrs_forbid_extra_keys=True, **omitted)
    return _only(dict, "a block of keys", inner)


def _only(shape: type, words: str, inner: Hook) -> Hook:
    def hook(value: Any, kind: Any) -> Any:
        if not isinstance(value, shape):
            raise rules.WrongValueError(f"must be {words}, not {rules.kind_of(value)}")
        return inner(value, kind)

    return hook


def _make_converter() -> cattrs.Converter:
    # cattrs takes a text for a list of letters; a converter without our checks does the rest.
    inner = cattrs.Converter()
    outer = cattrs.Converter()
    for converter in (inner, outer):
        converter.register_structure_hook_factory(lambda kind: _rule_of(kind) is not None, _by_rule)
        converter.register_structure_hook_factory(attrs.has, _block)
    outer.register_structure_hook_factory(
        lambda kind: _origin(kind) is list,
        lambda kind: _only(list, "a list", inner.get_structure_hook(kind)),
    )
    outer.register_structure_hook_factory(
        lambda kind: _origin(kind) is dict,
        lambda kind: _only(dict, "a block of keys", inner.get_structure_hook(kind)),
    )
    return outer


_CONVERTER = _make_converter()


def _explained(
    error: Exception, document: Document, why_unknown: Callable[[KeyPath], str | None]
) -> Iterator[Problem]:
    """cattrs' tree of exceptions as problems, each once and at its own line."""
    for path, leaf in _leaves(error, ()):
        if isinstance(leaf, cattrs.ForbiddenExtraKeysError):
            for name in sorted(leaf.extra_fields):
                if place := document.places.get((*path, name)):
                    reason = why_unknown((*path, name)) or _unknown(name, leaf.cl)
                    yield Problem(reason, (*path, name), place.line)
        elif place := document.places.get(path):
            yield Problem(_reason(leaf, place.text), path, place.line)
        elif isinstance(leaf, KeyError):
            yield Problem("is missing", path, document.places[path[:-1]].line)


def _leaves(error: Exception, path: KeyPath) -> Iterator[tuple[KeyPath, Exception]]:
    children: list[tuple[Exception, KeyPath]]
    if isinstance(error, cattrs.ClassValidationError):
        fields, rest = error.group_exceptions()
        children = [(inner, (*path, field.name)) for inner, field in fields]
    elif isinstance(error, cattrs.IterableValidationError):
        entries, rest = error.group_exceptions()
        children = [(inner, (*path, entry.index)) for inner, entry in entries]
    else:
        yield path, error
        return
    for inner, below in [*children, *((inner, path) for inner in rest)]:
        yield from _leaves(inner, below)


def _reason(error: Exception, text: str) -> str:
    if isinstance(error, rules.UnquotedError):
        return 'put it in quotes: "..."' if error.secret else f'put it in quotes: "{text}"'
    if isinstance(error, rules.WrongValueError | UnitError):
        return str(error)
    raise error  # Not the file's mistake but ours.


def _unknown(name: str, kind: type) -> str:
    known = [field.name for field in attrs.fields(kind) if NOT_IN_FILE not in field.metadata]
    near = difflib.get_close_matches(name, known, 1)
    return f"is no known key; did you mean {near[0]}?" if near else "is no known key"
