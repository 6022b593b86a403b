"""The tables of documents that are made from the JSON Schemas of files, and the words of the providers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mocksrv.engine.scenarios.vocabulary import Vocabulary
from mocksrv.engine.yamlschema import FileSchema, Rule

BLOCK = re.compile(r"(<!-- (\w+) (\S+) -->\n)(.*?)(<!-- /\2 -->)", re.DOTALL)
TYPES = {"object": "mapping", "array": "list", "string": "text", "integer": "whole number", "boolean": "true, false"}


def filled(text: str, schema: FileSchema, vocabularies: Mapping[str, Vocabulary] | None = None) -> str:
    """A document whose blocks ``<!-- keys NAME -->`` (a rule of the schema, ``file`` the whole) and ``<!-- words
    PROVIDER -->`` say what the code says.
    """

    def fill(match: re.Match[str]) -> str:
        made = words((vocabularies or {})[match[3]]) if match[2] == "words" else keys(schema, match[3])
        return f"{match[1]}{made}{match[5]}"

    return BLOCK.sub(fill, text)


def keys(schema: FileSchema, name: str) -> str:
    """The table of a rule's keys."""
    rule = schema.rules if name == "file" else schema.rules["$defs"][name]
    rule = next((branch for branch in rule.get("anyOf", ()) if "properties" in branch), rule)
    required = set(rule.get("required", ()))
    rows = ["| key | value | meaning |", "| --- | --- | --- |"]
    plain: list[str] = []
    for key, value in rule["properties"].items():
        meant = value.get("description") or schema.resolved(value).get("description", "")
        if meant == "The provider's field.":
            plain.append(key)
            continue
        needed = " Required." if key in required else ""
        rows.append(f"| `{key}` | {_cell(_value(schema, value))} | {_cell(meant)}{needed} |")
    if plain:
        rows.append(f"| {', '.join(f'`{key}`' for key in plain)} | | the provider's fields of that name |")
    return "\n".join(rows) + "\n"


def _value(schema: FileSchema, rule: Rule) -> str:
    """What may be written, in a few words."""
    rule = schema.resolved(rule)
    if "enum" in rule:
        return ", ".join(
            f"`{str(each).lower() if isinstance(each, bool) else each}`" for each in rule["enum"] if each is not None
        )
    if "const" in rule:
        return f"`{str(rule['const']).lower()}`"
    if "minimum" in rule:
        return f"{rule['minimum']} to {rule['maximum']}"
    if "pattern" in rule:
        return str(rule["errorMessage"])
    if "anyOf" in rule and "type" not in rule:
        return " or ".join(dict.fromkeys(_value(schema, each) for each in rule["anyOf"]))
    types = [rule["type"]] if isinstance(rule["type"], str) else rule["type"]
    return " or ".join(TYPES.get(each, each) for each in types)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def words(vocabulary: Vocabulary) -> str:
    """What the scenarios of a provider may name."""
    return "\n".join(_words(vocabulary)) + "\n"


def _words(vocabulary: Vocabulary) -> Iterator[str]:
    yield "| | |"
    yield "| --- | --- |"
    yield f"| statuses | {_listed(vocabulary.statuses)} |"
    yield f"| flows that calls play | {_listed(vocabulary.flows)} |"
    if vocabulary.options:
        yield f"| named lists of options | {_listed(vocabulary.options)} |"
    fields = ", ".join(f"`{name}` ({_field(rule)})" for name, rule in sorted(vocabulary.fields.items()))
    yield f"| what `set` takes | {fields} |"
    yield f"| data profiles | {_listed(vocabulary.profiles())} |"
    yield f"| happy scenario | `{vocabulary.happy}` |"


def _field(rule: Mapping[str, Any]) -> str:
    if "enum" in rule:
        return " or ".join(rule["enum"])
    if rule["type"] == "array":
        return f"list of {_field(rule['items'])}"
    types = [rule["type"]] if isinstance(rule["type"], str) else rule["type"]
    return " or ".join(TYPES.get(each, each) for each in types)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
