"""docs/control-api.md is computed from the declarations of the calls and from examples that are made.

``python -m tests.web.control.test_control_doc`` writes it anew.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.web.control.examples import Example, World

DOCUMENT = Path(__file__).parents[3] / "docs" / "control-api.md"
LONGEST = 25  # lines of an answer that are shown
HEAD = """# The control API

Everything about a sandbox that no provider offers: JSON under `/_mocksrv`, and under `/sandbox/NAME/_mocksrv` for the
sandbox of that name. Computed by `python -m tests.web.control.test_control_doc` from the calls' declarations; the
examples were made. `GET /_mocksrv/openapi.json` is the same for programs,
`/_mocksrv/docs` in a browser.

* A body is `application/json` (a scenario also `application/yaml` or `text/yaml`); without a body no type is needed.
* A refusal is a problem document (RFC 9457): `detail` says what is wrong, where, and what is allowed; `problems` has
  every fault.
* Lists are oldest first; `newest=true` turns them round. `after=ID` goes on behind one, `limit` is how many (100;
  at most 1000). `wait=5s` holds an empty answer until something matches.
* Durations are `250ms`, `90s`, `10m`, `1h`, `2d`; moments are ISO 8601, in the sandbox's time.
* Without `--control-token` only clients of this machine are answered (`--control-from private`: of private networks,
  too); `/health` answers everybody.
* Without a token pages of other sites are refused: the `Host` is an address, a name without a dot,
  `host.docker.internal`, the host of `--public-url` or one of `--allow-host PATTERN`; an `Origin` is this server's or
  this machine's; a browser's `Sec-Fetch-Site: cross-site` is let in for a plain link only.
"""


def text() -> str:
    """The document."""
    world = World()
    try:
        examples = list(world.examples())
    finally:
        world.close()
    document = next(each for each in examples if each.path == "/openapi.json").answer.get_json()
    parts = [HEAD]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            example = next(each for each in examples if each.method.lower() == method and _is_at(each.path, path))
            parts.append("\n".join(_call(document, method.upper(), path, operation, example)))
    return _numbered("\n".join(parts))


def _numbered(text: str) -> str:
    """With ids by the order in which they are shown: the real ones change with every event that is sent before."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"00000000-0000-4000-a000-{numbers.setdefault(found[0], len(numbers) + 1):012d}"

    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}", number, text)


def _is_at(path: str, template: str) -> bool:
    plain = path.partition("?")[0]
    literal = {"/scenarios/validate", "/webhooks/replay", "/clock/advance"}
    if plain in literal or template in literal:
        return plain == template
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), plain) is not None


def _call(document: Any, method: str, path: str, operation: Any, example: Example) -> list[str]:
    lines = [f"## {method} {path}", "", operation["summary"], ""]
    for place in ("path", "query"):
        parameters = [each for each in operation.get("parameters", ()) if each["in"] == place]
        if parameters:
            lines += [f"| {place} | | |", "| --- | --- | --- |"]
            lines += [f"| `{each['name']}` | {_kind(each['schema'])} | {each['description']} |" for each in parameters]
            lines.append("")
    body = operation.get("requestBody", {}).get("content", {})
    if "application/yaml" in body:
        lines += ["The body is the scenario's text.", ""]
    elif body:
        lines += _table(document, "body", body["application/json"]["schema"])
    done = operation["responses"].get("200")
    lines += _answer(document, done["content"]) if done else ["Answers 204.", ""]
    refused = [(status, each) for status, each in operation["responses"].items() if "$ref" in each]
    own = [
        f"{status} ({each['description'][0].lower() + each['description'][1:].rstrip('.')})" for status, each in refused
    ]
    lines += [f"Refused with {', '.join(own)}.", ""] if own else []
    return [*lines, *_example(example)]


def _answer(document: Any, content: Any) -> list[str]:
    [(kind, described)] = content.items()
    return _table(document, "answer", described["schema"]) if "json" in kind else [f"Answers `{kind}`.", ""]


def _table(document: Any, head: str, schema: Any) -> list[str]:
    """The members of an object, with those of objects in it."""
    lines = [f"| {head} | | |", "| --- | --- | --- |"]

    def add(shape: Any, prefix: str) -> None:
        named = document["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
        for name, member in named["properties"].items():
            needed = " (needed)" if head == "body" and name in named.get("required", ()) else ""
            lines.append(f"| `{prefix}{name}` | {_kind(member)}{needed} | {member.get('description', '')} |")
            inner = member.get("items", member)
            if "$ref" in inner:
                add(inner, f"{prefix}{name}{'[]' if 'items' in member else ''}.")

    add(schema, "")
    return [*lines, ""]


def _kind(shape: Any) -> str:
    """The type of a value, in words."""
    if "enum" in shape:
        return " \\| ".join(f"`{json.dumps(each) if isinstance(each, bool) else each}`" for each in shape["enum"])
    if "$ref" in shape:
        return "object"
    kinds = shape.get("type", "any")
    if kinds == "array":
        return f"list of {_kind(shape['items'])}"
    return " or ".join([kinds] if isinstance(kinds, str) else kinds)


def _example(example: Example) -> list[str]:
    sent = json.dumps(example.sent) if isinstance(example.sent, dict) else example.sent
    lines = ["```http", f"{example.method} /_mocksrv{example.path}", *([sent.rstrip("\n")] if sent else []), ""]
    answer = example.answer
    told = json.dumps(answer.get_json(), indent=2, ensure_ascii=False) if answer.is_json else answer.get_data(True)
    shown = [] if answer.mimetype == "text/html" else told.splitlines()  # a page is for a browser
    rest = ["  ..."] if len(shown) > LONGEST else []
    return _settled([*lines, str(answer.status_code), *shown[:LONGEST], *rest, "```", ""])


def _settled(lines: list[str]) -> list[str]:
    """Without what differs from run to run: real durations, ids of requests, where the package lies."""
    settled = [re.sub(r'("duration_ms": )[0-9.]+', r"\g<1>1.5", line) for line in lines]
    settled = [re.sub(r"http://127.0.0.1:\d+/webhooks", "http://127.0.0.1:3000/webhooks", line) for line in settled]
    settled = [re.sub(r"^(process_\w+) [\d.e+]+$", r"\1 0.0", line) for line in settled]
    settled = [re.sub(r'("Date": )"[^"]*"', r'\g<1>"Thu, 01 Jan 2026 12:00:00 GMT"', line) for line in settled]
    settled = [re.sub(r"END-[0-9a-f]+", "END-4d585232aa3e", line) for line in settled]
    settled = [re.sub(r"REQ-[0-9a-f]+", "REQ-1f3a5b7c9d0e2f4a", line) for line in settled]
    return [re.sub(r'"[^"]*/(scenarios/\w+/[\w-]+\.yaml)', r'"\1', line) for line in settled]


def test_the_document_is_what_the_calls_are() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == text(), "python -m tests.web.control.test_control_doc writes it anew"


if __name__ == "__main__":
    DOCUMENT.write_text(text(), encoding="utf-8")
