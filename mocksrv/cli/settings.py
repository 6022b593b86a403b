"""The settings of a server: an option of ``serve``, else a MOCKSRV_* variable, else a key of mocksrv.yaml, else the
default.

All three are text and read by the same function, so a value means the same wherever it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mocksrv.engine.clock import DAY, Clock, parse_duration, parse_moment

FILE = "mocksrv.yaml"
FIDELITIES = ("sdk", "wire")
CLIENTS = ("loopback", "private")
MOST_THREADS = 512
IN_MEMORY = ":memory:"
LARGEST_SEED = 2**63 - 1
TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})


class SettingError(Exception):
    """A setting is wrong; the message names it, where it was written, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``read`` makes its value of a text, or raises ValueError; ``many`` may be given several times;
    ``shown`` is its default in words.
    """

    name: str
    read: Callable[[str], Any]
    metavar: str
    help: str
    default: Any = None
    shown: str = ""
    many: bool = False

    @property
    def option(self) -> str:
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        return f"MOCKSRV_{self.key.upper()}"

    @property
    def key(self) -> str:
        return self.name.replace("-", "_")


class Given(NamedTuple):
    """A value as it was written: its texts, and the place to name in an error."""

    texts: tuple[str, ...]
    place: str


# what the texts mean


def _number(least: int, most: int, what: str) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,19}", text, re.ASCII) or not least <= int(text) <= most:
            raise ValueError(f"{text!r} is not {what}; allowed are {least} to {most}")
        return int(text)

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is not allowed; allowed are {' and '.join(words)}")
        return text

    return read


def flag(text: str) -> bool:
    """A yes or no."""
    if text.lower() not in TRUE | FALSE:
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() in TRUE


def url(text: str) -> str:
    """An HTTP URL."""
    try:
        parts = urlsplit(text)
        port_is_valid = parts.port != 0
    except ValueError:
        port_is_valid = False
    usable = (
        port_is_valid
        and parts.scheme in ("http", "https")
        and parts.hostname
        and not re.search(r"[\s\x00-\x1f\x7f]", text)
    )
    if not usable:
        raise ValueError(f"{text!r} is not an HTTP URL; write for example http://localhost:3000/webhooks")
    if parts.username is not None or parts.fragment:
        raise ValueError(f"{text!r} has a user or a '#' part; a URL here has neither")
    return text


def _base_url(text: str) -> str:
    if urlsplit(url(text)).query:
        raise ValueError(f"{text!r} has a query; this is the beginning of all handed-out links")
    return text.rstrip("/")


def _database(text: str) -> str:
    if text.startswith(("postgresql:", "postgres:")):
        raise ValueError("PostgreSQL is not supported yet; give the name of a file")
    if "://" in text:
        raise ValueError(f"{text!r} is a URL; give the name of a file")
    if text != IN_MEMORY and Path(text).is_dir():
        raise ValueError(f"{text!r} is a folder; give the name of a file")
    return text


def folder(text: str) -> Path:
    """A folder that is there."""
    if not Path(text).is_dir():
        raise ValueError(f"{text!r} is not a folder")
    return Path(text)


def _clock(text: str) -> str:
    Clock.make(text)
    return text


def _age(text: str) -> str:
    if parse_duration(text) < DAY:
        raise ValueError(f"{text!r} is less than a day")
    return text


def _host_pattern(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._*?:\[\]-]+", text):
        raise ValueError(f"{text!r} is not a host name; write for example hooks.example.com or *.example.com")
    return text.lower()


def _word(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError("a value of visible ASCII characters without spaces is wanted")
    return text


def _client_id(text: str) -> str:
    if ":" in _word(text):
        raise ValueError("a client id has no ':', it is sent as HTTP Basic credentials")
    return text


SETTINGS = (
    Setting("host", _word, "HOST", "Address to listen on; 0.0.0.0 for all.", "127.0.0.1"),
    Setting("port", _number(0, 65535, "a port"), "PORT", "Port to listen on; 0 picks a free one.", 8484),
    Setting(
        "threads",
        _number(1, MOST_THREADS, "a number of threads"),
        "N",
        "How many requests are served at the same time.",
        32,
    ),
    Setting("webhook-url", url, "URL", "Where callbacks go.", shown="none are sent"),
    Setting("database", _database, "FILE", "Where state is kept (SQLite).", IN_MEMORY, shown="in memory"),
    Setting(
        "keep-events",
        _number(100, 10_000_000, "a number of events"),
        "N",
        "How many webhooks a sandbox keeps, with attempts.",
        10_000,
    ),
    Setting("keep-for", _age, "TIME", "For how long, in the sandbox's time; pending ones stay.", "90d"),
    Setting(
        "scenarios",
        folder,
        "DIR",
        "Folder with scenarios of your own, read again when they change. Repeatable.",
        many=True,
    ),
    Setting("strict", flag, "", "Refuse to start when one of those files has a fault.", False, shown="it is left out"),
    Setting(
        "clock", _clock, "CLOCK", "Time in new sandboxes: real, manual (stands still), or a speed such as x60.", "real"
    ),
    Setting(
        "now",
        parse_moment,
        "ISO",
        "The moment at which new sandboxes start.",
        shown="the present; 2026-01-01 if manual with a seed",
    ),
    Setting(
        "seed",
        _number(-LARGEST_SEED, LARGEST_SEED, "a seed"),
        "N",
        "Makes ids and data the same again in every run.",
        shown="none",
    ),
    Setting(
        "scenario", _word, "NAME", "What is played when nothing else chooses.", shown="connected, synced, connect-full"
    ),
    Setting(
        "fidelity",
        _one_of(*FIDELITIES),
        "sdk|wire",
        "Where MX's sources disagree: as its SDKs read it, or as its docs say.",
        "sdk",
    ),
    Setting("public-url", _base_url, "URL", "Beginning of handed-out links.", shown="the request's Host"),
    Setting(
        "allow-callbacks",
        _host_pattern,
        "HOST",
        "Host (pattern) that callbacks may go to beside local ones. Repeatable.",
        many=True,
    ),
    Setting(
        "control-from", _one_of(*CLIENTS), "loopback|private", "Which clients the control API answers.", "loopback"
    ),
    Setting(
        "control-token", _word, "TOKEN", "Opens the control API to clients from anywhere that send it.", shown="none"
    ),
    Setting("client-id", _client_id, "ID", "With --api-key: the only credentials that are accepted.", shown="any"),
    Setting("api-key", _word, "KEY", "See --client-id.", shown="any"),
)


def resolve(options: Mapping[str, Any], variables: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """The value of every setting, by key.

    ``options`` are those of the command line: texts by key, None where not given; ``folder`` is where mocksrv.yaml may
    lie. Raises SettingError.
    """
    written = _file(folder / FILE)
    values = {}
    for setting in SETTINGS:
        given = _option(setting, options.get(setting.key)) or _variable(setting, variables) or written.get(setting.key)
        values[setting.key] = _value(setting, given)
    if (values["client_id"] is None) != (values["api_key"] is None):
        raise SettingError("--client-id and --api-key belong together: give both or none")
    _check_reach(values["webhook_url"], values["allow_callbacks"])
    return values


def _check_reach(target: str | None, allowed: Sequence[str]) -> None:
    """A public address as target needs leave; names are looked up when something is sent. Raises SettingError."""
    from ipaddress import ip_address

    from mocksrv.engine.callbacks.addresses import is_local

    host = (target and urlsplit(target).hostname) or ""
    try:
        ip_address(host)
    except ValueError:
        return
    if not is_local(host) and not any(fnmatchcase(host, pattern) for pattern in allowed):
        raise SettingError(
            f"--webhook-url: callbacks go to loopback and private addresses only; --allow-callbacks {host} allows it"
        )


def folders(options: tuple[str, ...], variables: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """The user's scenario folders alone, for commands without a server. Raises SettingError."""
    setting = next(setting for setting in SETTINGS if setting.name == "scenarios")
    given = _option(setting, options) or _variable(setting, variables) or _file(folder / FILE).get(setting.key)
    found: tuple[Path, ...] = _value(setting, given)
    return found


def _value(setting: Setting, given: Given | None) -> Any:
    if given is None:
        return () if setting.many else setting.default
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
    from mocksrv.engine.problems import YamlError
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
            near = get_close_matches(name.text or "", known, 1)
            raise SettingError(
                f"{place} is not a setting; "
                + (f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}")
            )
        texts = [item.text for item in (node.items or [])] if setting.many and node.items is not None else [node.text]
        if None in texts:
            raise SettingError(
                f"{place}: " + ("a text or a list of texts is wanted" if setting.many else "a single value is wanted")
            )
        if node.items is None and node.plain and node.text in NULLS:
            continue
        yield setting.key, Given(tuple(text for text in texts if text is not None), place)
