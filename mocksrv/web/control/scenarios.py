"""Control calls about scenarios: what there is, what a text is worth, scenarios of the caller's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mocksrv.engine.problems import YamlError
from mocksrv.web.control import shapes
from mocksrv.web.control.calls import Calls, ControlCall, ControlRequest, faulty
from mocksrv.web.problems import Problem

UNKNOWN = {404: "there is no such scenario"}


class Scenarios(Calls):
    def declared(self) -> Sequence[ControlCall]:
        return (
            ControlCall(
                "GET",
                "/scenarios",
                self.list,
                "Lists the scenarios, and the faults of files that are left out.",
                query="scenarios.ScenarioFilter",
                answer="scenarios.ScenarioList",
            ),
            ControlCall(
                "POST",
                "/scenarios/validate",
                self.validate,
                "Checks a scenario and takes it nowhere.",
                query="scenarios.ValidationQuery",
                answer="scenarios.Validation",
                takes_text=True,
            ),
            ControlCall(
                "GET",
                "/scenarios/<path:name>",
                self.read,
                "Shows a scenario with its script. `mx/NAME` where two providers have one of that name.",
                answer="scenarios.ScenarioText",
                refusals=UNKNOWN,
            ),
            ControlCall(
                "PUT",
                "/scenarios/<path:name>",
                self.put,
                "Takes a scenario in, for all sandboxes.",
                answer="scenarios.ScenarioShown",
                takes_text=True,
            ),
        )

    def list(self, request: ControlRequest) -> Any:
        library, provider = self.engine.library, request.query.get("provider")
        self.known_provider(provider)
        found = [
            library.get(each, name)
            for each in self.engine.vocabularies
            if provider in (None, each)
            for name in library.names(each)
        ]
        return {
            "scenarios": [shapes.scenario(scenario) for scenario in found],
            "problems": [asdict(fault) for fault in library.problems],
        }

    def read(self, _: ControlRequest, name: str) -> Any:
        scenario = self.scenario(name)
        return {**shapes.scenario(scenario), "text": scenario.text}

    def put(self, request: ControlRequest, name: str) -> Any:
        try:
            scenario = self.engine.check_scenario(request.text, file=f"{name}.yaml")
        except YamlError as error:
            raise faulty(error) from None
        if name not in (scenario.name, f"{scenario.provider}/{scenario.name}"):
            raise Problem(422, f"the URL says {name!r}, the text says name: {scenario.name}")
        return shapes.scenario(self.engine.put_scenario(request.text.decode()))

    def validate(self, request: ControlRequest) -> Any:
        try:
            scenario = self.engine.check_scenario(request.text, file=request.query.get("file", "scenario.yaml"))
        except YamlError as error:
            return {"valid": False, "problems": [asdict(fault) for fault in error.problems]}
        return {"valid": True, "problems": [], "name": scenario.name, "provider": scenario.provider}
