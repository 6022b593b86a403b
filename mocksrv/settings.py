"""What users can say about a server: one table, of which the options of ``serve``, the MOCKSRV_* variables, the keys of
mocksrv.yaml and the arguments of `mocksrv.Server` are made.

All are text, or become it, and are read by the same function, so a value means the same wherever it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mocksrv.engine.callbacks.addresses import is_http_url
from mocksrv.engine.clock import DAY, EARLIEST_START, LATEST_START, MINUTE, Clock, iso, parse_duration, parse_moment
from mocksrv.engine.config import IN_MEMORY, TEMPORARY, Config, is_postgres
from mocksrv.engine.patterns import fits

FIDELITIES = ("sdk", "wire")
CLIENTS = ("loopback", "private")
LOG_FORMATS = ("text", "json")
SANDBOX_BY = ("url", "client-id")
MOST_WORKERS = 64
MOST_THREADS = 512
LARGEST_SEED = 2**53 - 1
TRUE, FALSE = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})


class SettingError(ValueError):
    """A setting is wrong; the message names it, where it was written, and what is allowed."""


class Setting(NamedTuple):
    """One setting: its field of `Config`, its option, its variable and its key in the file.

    ``read`` makes its value of a text, or raises ValueError; ``many`` may be given several times; ``metavar`` is empty
    for a yes or no; ``shown`` is the default in words, where the value says it badly.
    """

    name: str
    read: Callable[[str], Any]
    metavar: str
    help: str
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

    @property
    def default_text(self) -> str:
        """The default for people; empty where none is."""
        return self.shown or ("" if self.default in (None, ()) else str(self.default))

    @property
    def default(self) -> Any:
        """The value where nothing is said."""
        return Config._field_defaults[self.key]


# what the texts mean


class WholeNumber:
    """A whole number between two others."""

    def __init__(self, least: int, most: int, what: str) -> None:
        self.least, self.most, self.what = least, most, what

    def __call__(self, text: str) -> int:
        if not re.fullmatch(r"-?\d{1,19}", text, re.ASCII) or not self.least <= int(text) <= self.most:
            raise ValueError(f"{text!r} is not {self.what}; allowed are {self.least} to {self.most}")
        return int(text)


class OneOf:
    """One of these words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, text: str) -> str:
        if text not in self.words:
            raise ValueError(f"{text!r} is not allowed; allowed are {' and '.join(self.words)}")
        return text


def flag(text: str) -> bool:
    """A yes or no."""
    if text.lower() not in TRUE | FALSE:
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() in TRUE


def url(text: str) -> str:
    """An HTTP URL."""
    if not is_http_url(text):
        raise ValueError(f"{text!r} is not an HTTP URL; write for example http://localhost:3000/webhooks")
    parts = urlsplit(text)
    if parts.username is not None or parts.fragment:
        raise ValueError(f"{text!r} has a user or a '#' part; a URL here has neither")
    return text


def base_url(text: str) -> str:
    if urlsplit(url(text)).query:
        raise ValueError(f"{text!r} has a query; this is the beginning of all handed-out links")
    return text.rstrip("/")


def database(text: str) -> str:
    if is_postgres(text):
        return text
    text = text.removeprefix("sqlite:///")
    if "://" in text:
        shown = text.partition("://")[0]
        raise ValueError(f"{shown}:// is no database; give the name of a file, sqlite:///FILE, or postgresql://…")
    if text not in (IN_MEMORY, TEMPORARY) and Path(text).is_dir():
        raise ValueError(f"{text!r} is a folder; give the name of a file")
    return text


def folder(text: str) -> Path:
    """A folder that is there."""
    if not Path(text).is_dir():
        raise ValueError(f"{text!r} is not a folder")
    return Path(text)


def file(text: str) -> Path:
    if not Path(text).absolute().parent.is_dir():
        raise ValueError(f"{text}: there is no folder {Path(text).parent}")
    if Path(text).is_dir():
        raise ValueError(f"{text!r} is a folder; give the name of a file")
    return Path(text)


def present_file(text: str) -> Path:
    if not Path(text).is_file():
        raise ValueError(f"{text!r} is not a file")
    return Path(text)


FILES = (database, file, present_file)  # what reads the names of files


def clock(text: str) -> str:
    Clock.make(text)
    return text


def moment(text: str) -> int:
    found = parse_moment(text)
    if not EARLIEST_START <= found <= LATEST_START:
        raise ValueError(f"{text!r} is not a moment that a clock shows: {iso(EARLIEST_START)} to {iso(LATEST_START)}")
    return found


def at_least_a_day(text: str) -> int:
    if (age := parse_duration(text)) < DAY:
        raise ValueError(f"{text!r} is less than a day")
    return age


def at_least_a_minute(text: str) -> int:
    if (idle := parse_duration(text)) < MINUTE:
        raise ValueError(f"{text!r} is less than a minute")
    return idle


def host_pattern(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._*?:\[\]-]+", text):
        raise ValueError(f"{text!r} is not a host name; write for example hooks.example.com or *.example.com")
    return text.lower()


def word(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError("a value of visible ASCII characters without spaces is wanted")
    return text


def client_id(text: str) -> str:
    if ":" in word(text):
        raise ValueError("a client id has no ':', it is sent as HTTP Basic credentials")
    return text


SETTINGS = (
    Setting("host", word, "HOST", "Address to listen on; 0.0.0.0 for all."),
    Setting("port", WholeNumber(0, 65535, "a port"), "PORT", "Port to listen on; 0 picks a free one."),
    Setting(
        "workers",
        WholeNumber(1, MOST_WORKERS, "a number of processes"),
        "N",
        "How many processes serve; several need --database.",
    ),
    Setting(
        "threads",
        WholeNumber(1, MOST_THREADS, "a number of threads"),
        "N",
        "How many calls that change something are served at the same time.",
    ),
    Setting("webhook-url", url, "URL", "Where callbacks go.", shown="none are sent"),
    Setting(
        "database",
        database,
        "FILE|URL",
        "Where state is kept: a file (SQLite), or postgresql://…",
        shown="a temporary file",
    ),
    Setting("sandboxes", WholeNumber(1, 1_000_000, "a number of sandboxes"), "N", "How many sandboxes there may be."),
    Setting(
        "sandbox-idle",
        at_least_a_minute,
        "TIME",
        "Drop sandboxes that get no call for so long, but not the default one.",
        shown="they stay",
    ),
    Setting(
        "sandbox-by",
        OneOf(*SANDBOX_BY),
        "url|client-id",
        "Whose a call without /sandbox/NAME is: default's, or of the sandbox named after its client id or key.",
    ),
    Setting(
        "keep-events",
        WholeNumber(100, 10_000_000, "a number of events"),
        "N",
        "How many webhooks a sandbox keeps, with attempts.",
    ),
    Setting("keep-for", at_least_a_day, "TIME", "For how long, in the sandbox's time; pending ones stay.", shown="90d"),
    Setting(
        "keep-requests",
        WholeNumber(100, 10_000_000, "a number of calls"),
        "N",
        "How many calls a sandbox keeps, and as many violations.",
    ),
    Setting(
        "scenarios",
        folder,
        "DIR",
        "Folder with scenarios of your own, read again when they change. Repeatable.",
        many=True,
    ),
    Setting("strict", flag, "", "Refuse to start when one of those files has a fault.", shown="it is left out"),
    Setting("quiet", flag, "", "Print no line for every call and callback.", shown="they are printed"),
    Setting("log-format", OneOf(*LOG_FORMATS), "FORMAT", "How those lines are written: text, or json."),
    Setting("port-file", file, "FILE", "File that has the port while the server is there.", shown="none"),
    Setting("plain-pages", flag, "", "Leave the sandbox line out of pages.", shown="it is at the bottom"),
    Setting("clock", clock, "CLOCK", "Time in new sandboxes: real, manual (stands still), or a speed such as x60."),
    Setting(
        "now",
        moment,
        "ISO",
        "The moment at which new sandboxes start.",
        shown="the present; 2026-01-01 if manual with a seed",
    ),
    Setting(
        "seed",
        WholeNumber(-LARGEST_SEED, LARGEST_SEED, "a seed"),
        "N",
        "Makes ids and data the same again in every run.",
        shown="none",
    ),
    Setting(
        "scenario", word, "NAME", "What is played when nothing else chooses.", shown="connected, synced, connect-full"
    ),
    Setting(
        "fidelity",
        OneOf(*FIDELITIES),
        "sdk|wire",
        "Where a provider's sources disagree: as its page and SDKs have it, or as the wire does.",
    ),
    Setting("public-url", base_url, "URL", "Beginning of handed-out links.", shown="the request's Host"),
    Setting(
        "allow-callbacks",
        host_pattern,
        "HOST",
        "Host (pattern) that callbacks may go to beside local ones. Repeatable.",
        many=True,
    ),
    Setting(
        "allow-host",
        host_pattern,
        "PATTERN",
        "Name (pattern) of this server, for callers of the control API that use it. Repeatable.",
        many=True,
    ),
    Setting("control-from", OneOf(*CLIENTS), "loopback|private", "Which clients the control API answers."),
    Setting(
        "control-token", word, "TOKEN", "Opens the control API to clients from anywhere that send it.", shown="none"
    ),
    Setting("tls", OneOf("self"), "self", "HTTPS with a certificate that is made at the start.", shown="plain HTTP"),
    Setting("tls-cert", present_file, "FILE", "HTTPS with this certificate and its chain (PEM).", shown="none"),
    Setting("tls-key", present_file, "FILE", "The key of that certificate (PEM).", shown="none"),
    Setting("client-id", client_id, "ID", "With --api-key: the only credentials that are accepted.", shown="any"),
    Setting("api-key", word, "KEY", "See --client-id.", shown="any"),
    Setting("limits", flag, "", "Keep MX's limits on a client: users, and calls a second.", shown="there are none"),
)


def choices(setting: Setting) -> tuple[str, ...]:
    """The only words that a setting takes; none where others are allowed."""
    return setting.read.words if isinstance(setting.read, OneOf) else ()


def config_of(values: Mapping[str, Any], spelled: Callable[[str], str]) -> Config:
    """The configuration of these values, by key; defaults for what is missing.

    ``spelled`` gives a key as whoever said it writes it, for errors. Raises SettingError for values that do not go
    together.
    """
    config = Config(**values)
    if (config.client_id is None) != (config.api_key is None):
        raise SettingError(f"{spelled('client_id')} and {spelled('api_key')} belong together: give both or none")
    if (config.tls_cert is None) != (config.tls_key is None):
        raise SettingError(f"{spelled('tls_cert')} and {spelled('tls_key')} belong together: give both or none")
    if config.tls and config.tls_cert:
        raise SettingError(f"{spelled('tls')} makes a certificate, {spelled('tls_cert')} is one: give one of them")
    if config.workers > 1 and config.temporary:
        raise SettingError(f"{spelled('workers')}: several processes share a database: give {spelled('database')}")
    _check_reach(config.webhook_url, config.allow_callbacks, spelled)
    return config


def config_from(**given: Any) -> Config:
    """The configuration that a program asks for: by key, values as they are or as text; None counts as not given.

    A setting of which there may be many takes one or a sequence. Raises SettingError.
    """
    settings = {setting.key: setting for setting in SETTINGS}
    values = {}
    for key, value in given.items():
        if value is None:
            continue
        try:
            values[key] = _from_program(settings[key], value)
        except ValueError as error:
            raise SettingError(f"{key}: {error}") from None
    return config_of(values, str)


def _from_program(setting: Setting, value: Any) -> Any:
    """Raises ValueError."""
    if setting.many:
        several = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
        return tuple(setting.read(str(one)) for one in several)
    if isinstance(value, bool) and setting.metavar:
        raise ValueError(f"{value} is a yes or no; wanted is {setting.metavar}")
    return setting.read(value.isoformat() if isinstance(value, datetime) else str(value))


def _check_reach(target: str | None, allowed: Sequence[str], spelled: Callable[[str], str]) -> None:
    """A public address as target needs leave; names are looked up when something is sent. Raises SettingError."""
    from ipaddress import ip_address

    from mocksrv.engine.callbacks.addresses import is_local

    host = (target and urlsplit(target).hostname) or ""
    try:
        ip_address(host)
    except ValueError:
        return
    if not is_local(host) and not any(fits(host, pattern) for pattern in allowed):
        raise SettingError(
            f"{spelled('webhook_url')}: callbacks go to loopback and private addresses only; "
            f"{spelled('allow_callbacks')} {host} allows it"
        )
