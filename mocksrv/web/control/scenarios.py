"""Control calls about scenarios: what there is, what a text is worth, scenarios of the caller's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from flask import request

from mocksrv.engine.problems import YamlError
from mocksrv.web import shapes
from mocksrv.web.control.calls import Calls, Here, Route, faulty
from mocksrv.web.problems import Problem


class Scenarios(Calls):
    def routes(self) -> Sequence[Route]:
        return (
            Route("GET", "/scenarios", self.list),
            Route("POST", "/scenarios/validate", self.validate),
            Route("GET", "/scenarios/<path:name>", self.read),
            Route("PUT", "/scenarios/<path:name>", self.put),
        )

    def list(self, _: Here) -> Any:
        provider = request.args.get("provider")
        names = [
            (p, name)
            for p in self.engine.vocabularies
            if provider in (None, p)
            for name in self.engine.library.names(p)
        ]
        problems = [asdict(fault) for fault in self.engine.library.problems]
        return {
            "scenarios": [shapes.scenario(self.engine.library.get(p, name)) for p, name in names],
            "problems": problems,
        }

    def read(self, _: Here, name: str) -> Any:
        scenario = self.desk.scenario(name)
        return {**shapes.scenario(scenario), "text": scenario.text}

    def put(self, _: Here, name: str) -> Any:
        text = request.get_data(as_text=False)
        try:
            scenario = self.engine.check_scenario(text, file=f"{name}.yaml")
        except YamlError as error:
            raise faulty(error) from None
        if name not in (scenario.name, f"{scenario.provider}/{scenario.name}"):
            raise Problem(422, f"the URL says {name!r}, the text says name: {scenario.name}")
        return shapes.scenario(self.engine.put_scenario(text.decode()))

    def validate(self, _: Here) -> Any:
        try:
            scenario = self.engine.check_scenario(
                request.get_data(as_text=False), file=request.args.get("file", "scenario.yaml")
            )
        except YamlError as error:
            return {"valid": False, "problems": [asdict(fault) for fault in error.problems]}
        return {"valid": True, "problems": [], "name": scenario.name, "provider": scenario.provider}
