"""Control calls about sandboxes as such: which there are, seed, faults, emptying, removing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response

from mocksrv.engine.callbacks.disturbance import Disturbance
from mocksrv.engine.clock import Clock
from mocksrv.engine.sandbox import Fault
from mocksrv.engine.time import AdvanceBusy
from mocksrv.web import shapes
from mocksrv.web.control.calls import PREFIX, Calls, Here, Route
from mocksrv.web.fields import FAULTS, read, read_json
from mocksrv.web.problems import Problem


class Sandboxes(Calls):
    def routes(self) -> Sequence[Route]:
        return (
            Route("GET", "/faults", self.read_faults),
            Route("PUT", "/faults", self.put_faults),
            Route("DELETE", "/faults", self.delete_faults),
            Route("GET", "/sandboxes", self.list),
            Route("GET", "/sandbox", self.read),
            Route("PUT", "/sandbox", self.put),
            Route("DELETE", "/sandbox", self.delete),
            Route("POST", "/reset", self.reset),
        )

    def list(self, _: Here) -> Any:
        return {"sandboxes": self.engine.sandboxes()}

    def read(self, sandbox: Here) -> Any:
        here = sandbox()
        return {
            "name": here.name,
            "seed": here.settings.seed,
            "clock": shapes.clock(here),
            "bindings": shapes.bindings(here),
        }

    def put(self, sandbox: Here) -> Any:
        seed = read_json(seed=(int, None), required=("seed",))["seed"]
        with self.engine.change(sandbox()) as world:
            here = world.sandbox
            if not world.tx.is_empty(here.name):
                raise Problem(409, f"the sandbox {here.name} is not empty; POST {PREFIX}/reset first")
            world.configure(seed=seed)
            world.tx.set_guids(here.name, 0)
            if seed is not None and here.clock.mode == "manual" and self.engine.config.now is None:
                world.set_clock(Clock.make("manual", seeded=True))
        return self.read(sandbox)

    def delete(self, sandbox: Here) -> Any:
        self.engine.drop(sandbox().name)
        return Response(status=204)

    def reset(self, sandbox: Here) -> Any:
        try:
            self.engine.reset(sandbox())
        except AdvanceBusy:
            raise Problem(409, "time is being advanced") from None
        return self.read(sandbox)

    def read_faults(self, sandbox: Here) -> Any:
        settings = sandbox().settings
        return {"faults": [*map(shapes.fault, settings.faults), *map(shapes.disturbance, settings.disturbances)]}

    def put_faults(self, sandbox: Here) -> Any:
        rules = read(FAULTS)["faults"]
        with self.engine.change(sandbox()) as world:
            world.configure(
                faults=tuple(rule for rule in rules if isinstance(rule, Fault)),
                disturbances=tuple(rule for rule in rules if isinstance(rule, Disturbance)),
            )
        return self.read_faults(sandbox)

    def delete_faults(self, sandbox: Here) -> Any:
        with self.engine.change(sandbox()) as world:
            world.configure(faults=(), disturbances=())
        return Response(status=204)
