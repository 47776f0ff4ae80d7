"""What a person asks of retention and does not get: the sentences."""


class RefusedError(Exception):
    """The text is one sentence for a person: why not, and what to do.

    Attributes:
        is_missing: what was asked for is not there.
    """

    def __init__(self, sentence: str, *, is_missing: bool = False) -> None:
        super().__init__(sentence)
        self.is_missing = is_missing


def not_there(number: int) -> str:
    return f"There is no recording {number}; `recorder list` shows those there are."


def is_not_over(number: int) -> str:
    return f"Recording {number} is not over yet, so it cannot be deleted; end it first."


def is_kept(number: int) -> str:
    return f"Recording {number} is marked to be kept; `recorder unkeep {number}` first."
