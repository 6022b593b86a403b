"""Control calls about a sandbox as a whole: its state as one document, and copies of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response

from mocksrv import __version__
from mocksrv.engine.sandbox import SandboxExists, SandboxNameError
from mocksrv.engine.state.formats import StateError, upgraded
from mocksrv.engine.time import AdvanceBusy
from mocksrv.providers.provider import Refusal
from mocksrv.web.control import shapes
from mocksrv.web.control.calls import Calls, ControlCall, ControlRequest
from mocksrv.web.control.reading import json_object
from mocksrv.web.hosting.connection import LARGEST_STATE

BUSY = "time is being advanced"


class StateCalls(Calls):
    def declared(self) -> Sequence[ControlCall]:
        return (
            ControlCall(
                "GET",
                "/state",
                self.read,
                "Exports the sandbox: all that is in it but its journal, with pending timers and callbacks.",
                query="state.StateQuery",
                answer="state.StateDocument",
                refusals={409: BUSY, 413: "the state is too large"},
            ),
            ControlCall(
                "PUT",
                "/state",
                self.put,
                "Makes the sandbox what an exported state says, at once or not at all.",
                body="state.StateDocument",
                answer="state.Imported",
                refusals={409: BUSY},
                takes_document=True,
            ),
            ControlCall(
                "POST",
                "/sandbox/fork",
                self.fork,
                "Copies the sandbox, secrets included, under a new name. The copy's ids go on as those of this one.",
                body="state.ForkBody",
                answer="sandboxes.SandboxShown",
                refusals={409: f"{BUSY}, or there is a sandbox of that name"},
            ),
        )

    def read(self, request: ControlRequest) -> Any:
        try:
            secrets = request.query.get("secrets", False)
            text = self.engine.states.export(request.sandbox, __version__, secrets=secrets)
        except AdvanceBusy:
            raise Refusal(409, BUSY) from None
        data = text.encode()
        if len(data) > LARGEST_STATE:
            raise Refusal(413, f"the state has {len(data):,} bytes, and none of more than {LARGEST_STATE:,} is taken")
        return Response(data, mimetype="application/json")

    def put(self, request: ControlRequest) -> Any:
        from mocksrv.web.control.documents import faults
        from mocksrv.web.control.schemas.state import StateDocument

        try:
            document = upgraded(json_object(request.text))
            found = faults(StateDocument, document)
            if found:
                raise Refusal(422, "; ".join(found), problems=found)
            missing = self.engine.states.restore(request.sandbox, document)
        except StateError as error:
            raise Refusal(422, str(error)) from None
        except AdvanceBusy:
            raise Refusal(409, BUSY) from None
        warnings = [f"there is no scenario '{name}' on this server, which the state names" for name in missing]
        return {**shapes.sandbox(self.engine, request.sandbox), **({"warnings": warnings} if warnings else {})}

    def fork(self, request: ControlRequest) -> Any:
        try:
            copy = self.engine.fork(request.sandbox, request.body["name"])
        except SandboxNameError as error:
            raise Refusal(422, f"name: {error}") from None
        except SandboxExists as error:
            raise Refusal(409, f"name: {error}") from None
        except AdvanceBusy:
            raise Refusal(409, BUSY) from None
        return shapes.sandbox(self.engine, copy)
