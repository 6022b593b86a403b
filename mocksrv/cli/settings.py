"""Where the settings of a server are found: an option of ``serve``, else a MOCKSRV_* variable, else a key of
mocksrv.yaml, else the default.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mocksrv.engine.config import Config
from mocksrv.settings import SETTINGS, Setting, SettingError, config_of

FILE = "mocksrv.yaml"


class Given(NamedTuple):
    """A value as it was written: its texts, and the place to name in an error."""

    texts: tuple[str, ...]
    place: str


def resolve(options: Mapping[str, Any], variables: Mapping[str, str], folder: Path) -> Config:
    """The configuration of a server.

    ``options`` are those of the command line: texts by key, None where not given; ``folder`` is where mocksrv.yaml may
    lie. Raises SettingError.
    """
    written = _file(folder / FILE)
    values = {}
    for setting in SETTINGS:
        given = _option(setting, options.get(setting.key)) or _variable(setting, variables) or written.get(setting.key)
        values[setting.key] = _value(setting, given)
    return config_of(values, lambda key: f"--{key.replace('_', '-')}")


def setting_of(name: str, option: Any, variables: Mapping[str, str], folder: Path) -> Any:
    """One setting alone, for commands without a server. Raises SettingError."""
    setting = next(setting for setting in SETTINGS if setting.name == name)
    given = _option(setting, option) or _variable(setting, variables) or _file(folder / FILE).get(setting.key)
    return _value(setting, given)


def folders(options: tuple[str, ...], variables: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """The user's scenario folders. Raises SettingError."""
    found: tuple[Path, ...] = setting_of("scenarios", options, variables, folder)
    return found


def _value(setting: Setting, given: Given | None) -> Any:
    if given is None:
        return setting.default
    try:
        values = tuple(setting.read(text) for text in given.texts)
    except ValueError as error:
        raise SettingError(f"{given.place}: {error}") from None
    return values if setting.many else values[-1]


def _option(setting: Setting, value: Any) -> Given | None:
    if value is None or value == ():
        return None
    if isinstance(value, bool):
        value = str(value)
    return Given(tuple(value) if setting.many else (value,), setting.option)


def _variable(setting: Setting, variables: Mapping[str, str]) -> Given | None:
    """An empty variable counts as not set; several values are separated by commas."""
    text = variables.get(setting.variable, "").strip()
    if not text:
        return None
    texts = tuple(filter(None, map(str.strip, text.split(",")))) if setting.many else (text,)
    return Given(texts, setting.variable)


# mocksrv.yaml


def _file(path: Path) -> dict[str, Given]:
    """What mocksrv.yaml says, by key; nothing when there is none. Raises SettingError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingError(f"{FILE}: {error.strerror}") from None
    return dict(_entries(data))


def _entries(data: bytes) -> Iterator[tuple[str, Given]]:
    from mocksrv.engine.problems import YamlError, near
    from mocksrv.engine.yamlnodes import NULLS, read  # only imported when there is a file

    if not any(line.strip() and not line.strip().startswith(b"#") for line in data.splitlines()):
        return  # nothing but comments
    try:
        document = read(data, FILE)
    except YamlError as error:
        raise SettingError(str(error.problems[0])) from None
    for problem in document.problems:
        raise SettingError(str(problem))
    if document.root.pairs is None:
        raise SettingError(f"{FILE}:1:1: settings are written as 'key: value', for example 'port: 9000'")
    known = {setting.key: setting for setting in SETTINGS}
    for name, node in document.root.pairs:
        place = f"{FILE}:{name.line}: {name.text}"
        setting = known.get((name.text or "").replace("-", "_"))
        if setting is None:
            guess = near(name.text or "", known)
            raise SettingError(
                f"{place} is not a setting; " + (f"did you mean {guess}?" if guess else f"there are {', '.join(known)}")
            )
        texts = [item.text for item in (node.items or [])] if setting.many and node.items is not None else [node.text]
        if None in texts:
            raise SettingError(
                f"{place}: " + ("a text or a list of texts is wanted" if setting.many else "a single value is wanted")
            )
        if node.items is None and node.plain and node.text in NULLS:
            continue
        yield setting.key, Given(tuple(text for text in texts if text is not None), place)
