"""How fine a figure is shown. Pure."""

from __future__ import annotations

from typing import Final, overload

_SCALES: Final = (1.0, 10.0, 100.0, 1000.0, 10000.0)


@overload
def rounded(value: float, digits: int = 1) -> float: ...
@overload
def rounded(value: float | None, digits: int = 1) -> float | None: ...
def rounded(value: float | None, digits: int = 1) -> float | None:
    """As fine as people read it: tenths of seconds and rates, shares of 1 finer. All are sent every
    second.

    Halves go up. That takes a third of the time of `round`, and a hundred rooms have three thousand
    figures.
    """
    if value is None:
        return None
    scale = _SCALES[digits]
    return (value * scale + 0.5) // 1 / scale
