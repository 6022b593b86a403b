"""What a person does at the bank's page or in a widget, without a browser."""

from __future__ import annotations

from collections.abc import Sequence

from mocksrv.engine.player import Player
from mocksrv.engine.scenarios.model import ANSWER, EXPIRE, OUTCOMES
from mocksrv.engine.storage.records import Record
from mocksrv.engine.world import World


class CannotAct(Exception):
    """This cannot be done now; the message says what can."""


class Actions:
    """What can be done with a subject. Providers whose pages do more than consent and questions have their own."""

    def __init__(self, player: Player, provider: str) -> None:
        self.player = player
        self.provider = provider

    def find(self, world: World, id: str) -> Record | None:
        """The record that somebody can do something with: a subject, or what leads to one."""
        subject = world.subject(id)
        return subject if subject is not None and subject.playing.provider == self.provider else None

    def possible(self, world: World, record: Record) -> Sequence[str]:
        """The acts that can be done now, of `ACTS`."""
        play = record.play
        if play is None:
            return ()
        if play.asked is not None:
            return (ANSWER, EXPIRE)
        if play.consent is not None:
            return (*OUTCOMES, EXPIRE)
        return tuple(OUTCOMES) if play.renewable else ()

    def act(self, world: World, record: Record, do: str, answers: Sequence[str]) -> str:
        """Does one of `ACTS`; the id of the subject that it was done with. ``answers`` are texts, one for each open
        question, in their order.

        Raises CannotAct for what cannot be done now, ValueError for answers that do not fit the questions.
        """
        possible = self.possible(world, record)
        if do not in possible:
            now = f"possible now: {', '.join(possible)}" if possible else "nothing waits for a person now"
            raise CannotAct(f"{record.guid} does not wait for '{do}'; {now}")
        if answers and do != ANSWER:
            raise ValueError(f"only '{ANSWER}' takes answers")
        return self.perform(world, record, do, answers)

    def perform(self, world: World, record: Record, do: str, answers: Sequence[str]) -> str:
        """Does what is possible."""
        if do == EXPIRE:
            self.player.expire(world, record)
        elif do == ANSWER:
            self.player.answer(world, record, _by_guid(record, answers))
        else:
            self.player.consent(world, record, do)
        return record.guid


def _by_guid(record: Record, answers: Sequence[str]) -> dict[str, str]:
    asked = record.playing.asked
    challenges = asked.challenges if asked is not None else []
    if len(answers) != len(challenges):
        labels = ", ".join(f"{challenge.label!r}" for challenge in challenges)
        raise ValueError(f"{len(challenges)} wanted, {len(answers)} given; asked is {labels}")
    return {challenge.guid: answer for challenge, answer in zip(challenges, answers, strict=True)}
