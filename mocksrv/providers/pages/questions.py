"""The questions of a bank as pages show them, and what the sandbox line says of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mocksrv.engine.play import Asked, OpenChallenge
from mocksrv.providers.pages.hints import Hint
from mocksrv.providers.pages.texts import Texts
from mocksrv.providers.pictures import WORD, data_uri


class Choice(NamedTuple):
    """An answer to choose. ``picture`` is a data URI, empty for none."""

    guid: str
    value: str
    label: str
    picture: str = ""


class Question(NamedTuple):
    """What `question` of ``parts.html`` shows."""

    label: str
    type: str
    picture: str = ""
    options: Sequence[Choice] = ()


def questions(asked: Asked | None) -> list[Question]:
    """The open questions; none where nothing is asked."""
    return [_shown(each) for each in asked.challenges] if asked is not None else []


def _shown(challenge: OpenChallenge) -> Question:
    pictured = challenge.type == "IMAGE_OPTIONS"
    return Question(
        challenge.label,
        challenge.type,
        (challenge.image or data_uri(WORD)) if challenge.type == "IMAGE_DATA" else "",
        [
            Choice(each.guid, each.value, each.label, (each.image or data_uri(each.label)) if pictured else "")
            for each in challenge.options
        ],
    )


def answer_hints(asked: Asked | None, texts: Texts, anything: str) -> list[Hint]:
    """The right answers, in one hint. ``anything`` is filled in where any answer will do."""
    if asked is None:
        return []
    values: dict[str, str] = {}
    shown: list[str] = []
    for place, challenge in enumerate(asked.challenges, 1):
        right = challenge.right[0] if challenge.right else None
        option = next((each for each in challenge.options if right in (each.value, each.label, None)), None)
        value = option.value if option is not None else right or anything
        values[f"answer-{place}"] = option.guid if option is not None else value
        shown.append(option.label if option is not None else value)
    hints = [Hint(texts("hint_answer", answer=", ".join(shown)), values)]
    if any(challenge.right is None for challenge in asked.challenges):
        hints.append(Hint(texts("hint_any_answer")))
    return hints
