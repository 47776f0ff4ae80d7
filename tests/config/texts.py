"""Small configuration files for tests, and what is said of them."""

from pathlib import Path

import pytest

from recorder.config import Config, ConfigError, load

KEY = "a-long-enough-key-1"
OTHER_KEY = "a-long-enough-key-2"
ROOM = f"rooms: {{room101: {{key: {KEY}}}}}\n"


def written(folder: Path, text: str | bytes, *, mode: int = 0o600) -> Path:
    path = folder / "config.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def loaded(folder: Path, text: str | bytes) -> Config:
    return load(written(folder, text))


def problems(folder: Path, text: str | bytes, *, mode: int = 0o600) -> list[str]:
    """What is wrong, each line without the name of the folder."""
    path = written(folder, text, mode=mode)
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def warnings(folder: Path, text: str) -> list[str]:
    return [warning.describe("config.yaml") for warning in loaded(folder, text).warnings]
