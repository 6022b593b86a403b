"""Control calls about scenarios: what there is, what a text is worth, scenarios of the caller's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mocksrv.engine.problems import YamlError
from mocksrv.engine.scenarios.own import NotDeletable
from mocksrv.providers.provider import Refusal
from mocksrv.web.control import shapes
from mocksrv.web.control.calls import Calls, ControlCall, ControlRequest, faulty

UNKNOWN = {404: "there is no such scenario"}
NAME = {"name": "The scenario's name, or `PROVIDER/NAME`."}


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
                parameters=NAME,
            ),
            ControlCall(
                "PUT",
                "/scenarios/<path:name>",
                self.put,
                "Gives the sandbox a scenario of its own, which plays in place of a bundled one of its name.",
                answer="scenarios.ScenarioShown",
                parameters=NAME,
                takes_text=True,
            ),
            ControlCall(
                "DELETE",
                "/scenarios/<path:name>",
                self.delete,
                "Deletes a scenario that was put here; one of its name that it stood in place of is there again.",
                refusals={**UNKNOWN, 409: "it is bundled, lies in a file, or is extended by another"},
                parameters=NAME,
            ),
        )

    def list(self, request: ControlRequest) -> Any:
        scenarios, provider = request.sandbox.scenarios, request.query.get("provider")
        self.known_provider(provider)
        found = [
            scenarios.get(each, name)
            for each in self.engine.vocabularies
            if provider in (None, each)
            for name in scenarios.names(each)
        ]
        return {
            "scenarios": [shapes.scenario(scenario) for scenario in found],
            "problems": [fault._asdict() for fault in self.engine.library.problems],
        }

    def read(self, request: ControlRequest, name: str) -> Any:
        scenario = self.scenario(request.sandbox, name)
        return {**shapes.scenario(scenario), "text": scenario.text}

    def put(self, request: ControlRequest, name: str) -> Any:
        try:
            scenario = request.sandbox.scenarios.parse(request.text, file=f"{name}.yaml")
            if name not in (scenario.name, f"{scenario.provider}/{scenario.name}"):
                raise Refusal(422, f"the URL says {name!r}, the text says name: {scenario.name}")
            self.engine.put_scenario(request.sandbox, scenario)
        except YamlError as error:
            raise faulty(error) from None
        return shapes.scenario(scenario)

    def delete(self, request: ControlRequest, name: str) -> Any:
        try:
            self.engine.delete_scenario(request.sandbox, self.scenario(request.sandbox, name))
        except NotDeletable as refusal:
            raise Refusal(409, str(refusal)) from None

    def validate(self, request: ControlRequest) -> Any:
        try:
            scenario = request.sandbox.scenarios.parse(request.text, file=request.query.get("file", "scenario.yaml"))
        except YamlError as error:
            return {"valid": False, "problems": [fault._asdict() for fault in error.problems]}
        return {"valid": True, "problems": [], "name": scenario.name, "provider": scenario.provider}
