"""Queries and answers about the library of scenarios."""

from __future__ import annotations

from marshmallow import Schema

from mocksrv.providers.fields import Answer, Flag, Items, Part, Text, Whole


class ScenarioFilter(Schema):
    provider = Text("Only those of this provider.")


class ScenarioShown(Answer):
    name = Text("Its name, unique within the provider.")
    provider = Text("Whose subjects play it.")
    summary = Text("What it does, in a sentence.", allow_none=True)
    extends = Text("The scenario whose flows it takes where it writes none.", allow_none=True)
    flows = Items(Text(), "The names of the flows that it writes.")
    file = Text("Where it is written.", allow_none=True)


class ScenarioText(ScenarioShown):
    text = Text("The script, in YAML.")


class FileFault(Answer):
    file = Text("The file.")
    line = Whole("The line, from 1.")
    column = Whole("The column, from 1.")
    message = Text("What is wrong, and what is allowed.")


class ScenarioList(Answer):
    scenarios = Items(Part(ScenarioShown), "All scenarios: the bundled ones and your own.")
    problems = Items(Part(FileFault), "The faults of files that are left out.")


class ValidationQuery(Schema):
    file = Text("The name that the faults give the file.")


class Validation(Answer):
    valid = Flag("Whether the text is a scenario.")
    problems = Items(Part(FileFault), "Every fault.")
    name = Text("Its name.", optional=True)
    provider = Text("Its provider.", optional=True)
