"""The JSON Schema of mocksrv.yaml, with which editors complete and check it. It refuses what the reader refuses, as far
as that does not depend on files, on other settings, on how a number is written, or on how long a duration is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mocksrv import settings
from mocksrv.settings import FALSE, SETTINGS, TRUE, OneOf, Setting, WholeNumber

DURATION = r"^\s*([0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h|d))+\s*$"
PORT = r"(:(0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?)?"
SERVER = rf"^[Hh][Tt][Tt][Pp][Ss]?://(\[[0-9A-Fa-f:.]+(%[^\s\]/?#@]+)?\]|[^\s/?#@:\[\]]+){PORT}"
DAY = r"(19[89][0-9]|[2-8][0-9]{3}|9[0-8][0-9]{2})-?(W[0-5][0-9](-?[1-7])?|[01][0-9]-?[0-3][0-9])"
TIME = r"[0-2][0-9](:?[0-5][0-9](:?[0-5][0-9]([.,][0-9]+)?)?)?(Z|[+-][0-2][0-9](:?[0-5][0-9](:?[0-5][0-9])?)?)?"

PATTERNS: Mapping[Callable[[str], Any], str] = {
    settings.word: r"^[\x21-\x7e]+$",
    settings.client_id: r"^[\x21-\x39\x3b-\x7e]+$",
    settings.host_pattern: r"^[A-Za-z0-9._*?:\[\]-]+$",
    settings.url: rf"{SERVER}([/?][^\s#]*)?#?$",
    settings.base_url: rf"{SERVER}(/[^\s?#]*)?\??#?$",
    settings.database: r"^(postgres(ql)?://|(sqlite:///)?(?![\s\S]*://))",
    settings.clock: r"^(real|manual|x(?!0+(\.0+)?$)[0-9]{1,6}(\.[0-9]{1,3})?)$",
    settings.moment: rf"^\s*{DAY}(.{TIME})?\s*$",
    settings.at_least_a_day: DURATION,
    settings.at_least_a_minute: DURATION,
}  # of texts, by what reads them
NUMBERS_TOO = (settings.word, settings.client_id, settings.host_pattern)  # what takes those for texts
DAYS = {"type": "integer", "minimum": 19800101, "maximum": 98991231}  # as YAML takes 20260101
YES_OR_NO = "|".join("".join(f"[{each.upper()}{each}]" for each in text) for text in sorted(TRUE | FALSE))


def file_schema() -> dict[str, Any]:
    """The schema; keys may be written like options, too."""
    members = {setting.key: _shape(setting) for setting in SETTINGS}
    dashed = {setting.name: members[setting.key] for setting in SETTINGS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of mocksrv",
        "type": "object",
        "properties": {**dashed, **members},
        "additionalProperties": False,
    }


def _shape(setting: Setting) -> dict[str, Any]:
    """The schema of a setting's value, as YAML has it; null is as good as none."""
    shape = _of_one(setting.read)
    allowed = [shape, {"type": "array", "items": shape}] if setting.many else [shape]
    default = {"default": setting.default} if isinstance(setting.default, (str, int)) and setting.default != "" else {}
    return {"description": setting.help, "anyOf": [*allowed, {"type": "null"}], **default}


def _of_one(read: Callable[[str], Any]) -> dict[str, Any]:
    if isinstance(read, WholeNumber):
        return {"type": "integer", "minimum": read.least, "maximum": read.most}
    if isinstance(read, OneOf):
        return {"enum": list(read.words)}
    if read is settings.flag:
        return {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}, {"type": "string", "pattern": f"^({YES_OR_NO})$"}]}
    text: dict[str, Any] = {"type": "string", "pattern": PATTERNS[read]} if read in PATTERNS else {"type": "string"}
    if read is settings.moment:
        return {"anyOf": [text, DAYS]}
    return {**text, "type": ["string", "number"]} if read in NUMBERS_TOO else text
