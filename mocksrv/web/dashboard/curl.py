"""Calls for the command line."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mocksrv.providers.demo import DemoCall

NAME = re.compile(r"\{(\w+)\}")  # what stands for a value that an earlier call has kept


def curl(method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> str:
    """A call as a command."""
    words = ["curl", *(["-X", method] if method != "GET" else []), url]
    for name, value in (headers or {}).items():
        words += ["-H", f"{name}: {value}"]
    if body is not None:
        words += ["-H", "Content-Type: application/json", "-d", json.dumps(body, ensure_ascii=False)]
    return shlex.join(words)


def script(calls: Sequence[DemoCall], base: str, headers: Mapping[str, str]) -> str:
    """Calls one after the other as a script for a shell with `jq`; ``base`` is the sandbox's URL, ``headers`` are those
    of all calls.
    """
    return "\n".join(line for call in calls for line in _lines(call, base, headers))


def _lines(call: DemoCall, base: str, headers: Mapping[str, str]) -> Iterator[str]:
    command = curl(call.method, base + call.path, call.body, {**headers, **call.headers})
    command = NAME.sub(lambda found: f"'\"{_variable(found[1])}\"'", command)  # braces stand between single quotes
    if not call.keeps:
        yield command
        return
    yield f"answer=$({command.replace('curl', 'curl -s', 1)})"
    for name, path in call.keeps.items():
        members = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in path.split("."))
        yield f'{name}=$(echo "$answer" | jq -r {members})'


def _variable(name: str) -> str:
    return "$(date +%s)" if name == "time" else f"${name}"
