"""Plays a scenario without a server: the whole engine in memory, on a manual clock, and observed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from mocksrv.cli.output import print_table
from mocksrv.engine.clock import SEEDED_START, duration_text, iso_ms
from mocksrv.engine.config import IN_MEMORY, Config
from mocksrv.engine.observers import Happening
from mocksrv.engine.scenarios.model import Scenario
from mocksrv.engine.waiting import NotWaiting
from mocksrv.providers.demo import Choices, DemoError
from mocksrv.registry import declared
from mocksrv.server import build

SEED = 7
TREATMENTS = {
    "drop": "dropped",
    "repeat": "{} times",
    "delay_ms": "{} late",
    "shuffle": "shuffled",
    "corrupt": "damaged",
    "stale": "stale",
    "wrong_credentials": "wrong credentials",
    "wrong_content_type": "wrong content type",
}


class Timeline:
    """What happened, in order, as rows for programs. ``flags`` are members of subjects that are noted."""

    def __init__(self, flags: Collection[str] = ()) -> None:
        self._flags = flags
        self.rows: list[dict[str, Any]] = []
        self.began = SEEDED_START

    def add(self, now: int, **row: Any) -> None:
        self.rows.append({"at": iso_ms(now), "offset": f"+{duration_text(now - self.began)}", **row})

    @contextmanager
    def notes_first(self) -> Iterator[list[tuple[int, str]]]:
        """Takes notes (moment, text) of why the changes inside happened, and puts them before those."""
        before = len(self.rows)
        notes: list[tuple[int, str]] = []
        yield notes
        changes, self.rows = self.rows[before:], self.rows[:before]
        for now, text in notes:
            self.add(now, note=text)
        self.rows = [*self.rows[:before], *sorted([*self.rows[before:], *changes], key=lambda row: row["at"])]

    def seen(self) -> tuple[Any, Any]:
        """Status and flags as they were noted last."""
        return next(((row["status"], row["flags"]) for row in reversed(self.rows) if row.get("status")), (None, None))

    def observe(self, happened: Sequence[Happening]) -> None:
        """Notes every change of a subject, with its flags and callbacks."""
        for each in happened:
            if each.kind == "change":
                self._note(each, [_callback_of(event) for event in each.more["events"]])

    def _note(self, change: Happening, callbacks: list[dict[str, Any]]) -> None:
        if change.detail in ("complete", "trigger"):
            self._add_callbacks(change.at, callbacks)
            return
        gone, body = change.detail == "remove", change.more["body"]
        flags = {} if gone else {name: bool(body[name]) for name in self._flags if name in body}
        status = "deleted" if gone else change.more["status"]
        if change.more["asked"] or callbacks or self.seen() != (status, flags):
            self.add(change.at, status=status, flags=flags, flow=change.more["flow"], callbacks=callbacks)

    def _add_callbacks(self, now: int, found: list[dict[str, Any]]) -> None:
        """Callbacks of the change that was noted last, or, if it was earlier, of this moment."""
        if not found:
            return
        if not self.rows or self.rows[-1]["at"] != iso_ms(now) or "callbacks" not in self.rows[-1]:
            self.add(now, status=None, flags={}, callbacks=[])
        self.rows[-1]["callbacks"] += found


def _callback_of(event: Happening) -> dict[str, Any]:
    treatment = {name: value for name, value in event.more["treatment"].items() if name != "off"}
    return {"event": event.detail, **treatment}


class LocalRunner:
    """Plays without a server: calls go straight to the application."""

    def __init__(self, config: Config, provider: str, timeline: Timeline) -> None:
        self.engine, app = build(config)
        self.headers: dict[str, str] = {}
        self.callbacks: str | None = None
        self._demo = declared(provider).demo()
        self.engine.observers.subscribe(timeline.observe)
        self._client = app.test_client()
        self._timeline = timeline
        self._sandbox = self.engine.sandbox("default")

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        refusals: Collection[int] = (),
    ) -> Any:
        if method != "GET":
            self._timeline.add(self._sandbox.now(), call=self._said(method, path, body))
        answer = self._client.open(path, method=method, json=body, headers={**self.headers, **(headers or {})})
        if answer.status_code >= 400 and answer.status_code not in refusals:
            raise click.ClickException(
                f"{method} {path} was answered {answer.status_code}: {answer.get_data(as_text=True)}"
            )
        return answer.get_json(force=True, silent=True)

    def move_to(self, moment: int) -> None:
        with self._timeline.notes_first() as notes:
            done = self.engine.advance(self._sandbox, moment)
            notes += [
                (each.at, each.detail) for each in done.happened if each.kind == "play" and each.detail != "deleted"
            ]

    def look(self, path: str, *, counts: bool) -> None:
        if counts:
            self._timeline.add(self._sandbox.now(), call=self._said("GET", path, None))
            self._client.get(path, headers=self.headers)

    def say(self, text: str) -> None:
        self._timeline.add(self._sandbox.now(), note=text)

    def _said(self, method: str, path: str, body: Any) -> str:
        """A call in the timeline."""
        short = f"{method} {path if path.startswith('/_mocksrv/') else f'.../{self._demo.shortened(path)}'}"
        said = (body.get("do") or self._demo.sent(body)) if body else ""
        return f"{short}: {said}" if said else short


def simulation(
    own: Sequence[Path],
    scenario: Scenario,
    *,
    answers: Sequence[str] = (),
    oauth: str | None = None,
    span: int | None = None,
) -> dict[str, Any]:
    """Plays a scenario. ``own`` are the user's folders, ``span`` is in ms.

    Returns its name, the status it ends in, whether it came to rest, and the timeline. Raises a click error.
    """
    demo = declared(scenario.provider).demo()
    timeline = Timeline(demo.flags)
    config = Config(scenarios=tuple(own), seed=SEED, clock="manual", database=IN_MEMORY)
    runner = LocalRunner(config, scenario.provider, timeline)
    try:
        play = demo(runner, scenario, Choices(answers, oauth, span=span))
        play.run()
    except DemoError as error:
        raise click.UsageError(str(error)) from None
    except NotWaiting:
        raise click.ClickException("nobody was waiting for an answer") from None
    subject, status = play.subject(), play.status()
    runner.engine.close()
    rests = play.complete and (subject is None or subject.job is None)
    return {
        "scenario": scenario.name,
        "provider": scenario.provider,
        "status": status,
        "rests": rests,
        "timeline": timeline.rows,
    }


def print_simulation(played: Mapping[str, Any], scenario: Scenario) -> None:
    """Prints a simulation for people."""
    click.echo(f"{scenario.name}: {scenario.summary}\n")
    provider = declared(played["provider"])
    words = provider.demo().flags
    print_table(("TIME", "STATUS", "FLAGS", "CALLBACKS"), [_cells(row, words) for row in played["timeline"]])
    end = played["status"] or f"the {provider.noun} deleted"
    click.echo(f"\nEnds with {end}." if played["rests"] else f"\nStopped in {end}; --for DURATION plays on.")


def _cells(row: Mapping[str, Any], words: Mapping[str, str]) -> tuple[str, str, str, str]:
    if "call" in row:
        return row["offset"], f"> {row['call']}", "", ""
    if "note" in row:
        return row["offset"], f"  ({row['note']})", "", ""
    flags = ", ".join(word for name, word in words.items() if row["flags"].get(name))
    return row["offset"], row["status"] or "", flags, ", ".join(map(_callback, row["callbacks"]))


def _callback(found: Mapping[str, Any]) -> str:
    """An event with what happens to its callback."""
    values = {name: duration_text(value) if name == "delay_ms" else json.dumps(value) for name, value in found.items()}
    notes = [words.format(values[name]) for name, words in TREATMENTS.items() if found.get(name)]
    return found["event"] + (f" ({', '.join(notes)})" if notes else "")
