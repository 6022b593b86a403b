"""Control calls about sandboxes as such: which there are, seed, faults, emptying, removing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mocksrv.engine.callbacks.disturbance import Disturbance
from mocksrv.engine.clock import Clock
from mocksrv.engine.patterns import fits
from mocksrv.engine.sandbox import Fault
from mocksrv.engine.scenarios.vocabulary import fault_problem
from mocksrv.engine.time import AdvanceBusy
from mocksrv.engine.world import World
from mocksrv.providers.fields import not_allowed
from mocksrv.providers.provider import Refusal
from mocksrv.web.control import shapes
from mocksrv.web.control.calls import PAGE, PREFIX, Calls, ControlCall, ControlRequest


class SandboxCalls(Calls):
    def declared(self) -> Sequence[ControlCall]:
        return (
            ControlCall("GET", "/faults", self.read_faults, "Lists the faults.", answer="faults.Faults"),
            ControlCall(
                "PUT",
                "/faults",
                self.put_faults,
                "Sets what goes wrong with calls of the providers' APIs, and with callbacks.",
                body="faults.FaultsBody",
                answer="faults.Faults",
            ),
            ControlCall("DELETE", "/faults", self.delete_faults, "Removes all faults."),
            ControlCall(
                "GET",
                "/sandboxes",
                self.list,
                "Lists the names of all sandboxes, in their order.",
                query="sandboxes.SandboxFilter",
                answer="sandboxes.SandboxList",
            ),
            ControlCall("GET", "/sandbox", self.read, "Shows the sandbox's settings.", answer="sandboxes.SandboxShown"),
            ControlCall(
                "PUT",
                "/sandbox",
                self.put,
                "Sets the sandbox's settings.",
                body="sandboxes.SandboxBody",
                answer="sandboxes.SandboxShown",
                refusals={409: "the sandbox is not empty"},
            ),
            ControlCall(
                "DELETE",
                "/sandbox",
                self.delete,
                "Drops the sandbox with all that it holds; the next use makes it anew.",
            ),
            ControlCall(
                "POST",
                "/reset",
                self.reset,
                "Empties the sandbox and sets it back to what new ones start with.",
                answer="sandboxes.SandboxShown",
                refusals={409: "time is being advanced"},
            ),
        )

    def list(self, request: ControlRequest) -> Any:
        pattern = request.query.get("name", "*")
        fit = (name for name in self.engine.sandboxes() if fits(name, pattern))
        names = sorted(fit, reverse=request.backwards)
        after, limit = request.query.get("after"), request.query.get("limit", PAGE)
        if after is not None:
            names = [name for name in names if (name < after if request.backwards else name > after)]
        return {"sandboxes": names[:limit]}

    def read(self, request: ControlRequest) -> Any:
        return shapes.sandbox(self.engine, request.sandbox)

    def put(self, request: ControlRequest) -> Any:
        given = request.body
        if not given:
            raise Refusal(422, "nothing is set; allowed are all_events, seed, steps, without")
        settings = {name: value for name, value in given.items() if name != "seed"} | self._switched(given)
        with self.engine.change(request.sandbox) as world:
            if "seed" in given:
                self._seed(world, given["seed"])
            world.configure(**settings)
        return self.read(request)

    def _seed(self, world: World, seed: int | None) -> None:
        """Raises Refusal 409 where ids were made already."""
        sandbox = world.sandbox
        if not world.tx.is_empty(sandbox.name):
            raise Refusal(409, f"seed: the sandbox {sandbox.name} is not empty; POST {PREFIX}/reset first")
        world.configure(seed=seed)
        world.tx.set_guids(sandbox.name, 0)
        if seed is not None and sandbox.clock.mode == "manual" and self.engine.config.now is None:
            world.set_clock(Clock.make("manual", seeded=True))

    def _switched(self, given: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
        """The names that are given of products and steps, each once. Raises Refusal 422 for one that nobody has."""
        known = {
            "without": [name for provider in self.providers for name in provider.products()],
            "steps": [name for provider in self.providers for name in provider.steps()],
        }
        for setting in known.keys() & given.keys():
            for place, name in enumerate(given[setting]):
                if name not in known[setting]:
                    raise Refusal(422, f"{setting}.{place}: {not_allowed(name, known[setting])}")
        return {setting: tuple(dict.fromkeys(given[setting])) for setting in known if setting in given}

    def delete(self, request: ControlRequest) -> None:
        self.engine.drop(request.sandbox.name)

    def reset(self, request: ControlRequest) -> Any:
        try:
            self.engine.reset(request.sandbox)
        except AdvanceBusy:
            raise Refusal(409, "time is being advanced") from None
        return self.read(request)

    def read_faults(self, request: ControlRequest) -> Any:
        settings = request.sandbox.settings
        return {"faults": [*map(shapes.fault, settings.faults), *map(shapes.disturbance, settings.disturbances)]}

    def put_faults(self, request: ControlRequest) -> Any:
        rules = request.body["faults"]
        vocabularies = self.engine.vocabularies.values()
        for place, rule in enumerate(rules):
            if isinstance(rule, Fault):
                problem, name = fault_problem(f"{rule.method} {rule.path}", vocabularies), "on"
            else:
                problem, name = self.pattern_problem(rule.events), "events"
            if problem:
                raise Refusal(422, f"faults.{place}.{name}: {problem}")
        with self.engine.change(request.sandbox) as world:
            world.configure(
                faults=tuple(rule for rule in rules if isinstance(rule, Fault)),
                disturbances=tuple(rule for rule in rules if isinstance(rule, Disturbance)),
            )
        return self.read_faults(request)

    def delete_faults(self, request: ControlRequest) -> None:
        with self.engine.change(request.sandbox) as world:
            world.configure(faults=(), disturbances=())
