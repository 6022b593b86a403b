"""The control call that goes on: everything as it happens."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, request

from mocksrv.engine.engine import Engine
from mocksrv.providers.provider import Provider
from mocksrv.web.control.calls import STREAM_TYPE, Calls, ControlCall, ControlRequest
from mocksrv.web.stream import MOST_STREAMS, Streams

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # a proxy hands on what comes, as it comes


class Streaming(Calls):
    def __init__(self, engine: Engine, providers: Sequence[Provider]) -> None:
        super().__init__(engine, providers)
        self.streams = Streams(engine)

    def declared(self) -> Sequence[ControlCall]:
        return (
            ControlCall(
                "GET",
                "/stream",
                self.stream,
                "Tells what happens in the sandbox, as server-sent events: first `open`, then `status`, `play`, "
                "`event`, `delivery`, `attempt`, `call` and `change`, each with `at`, `subject` and `detail`; `missed` "
                "with a `count` where the client did not keep up.",
                media=STREAM_TYPE,
                refusals={503: f"the sandbox has {MOST_STREAMS} streams"},
            ),
        )

    def stream(self, asked: ControlRequest) -> Response:
        if request.method == "HEAD":
            return Response(mimetype=STREAM_TYPE, headers=HEADERS)
        stream = self.streams.open(asked.sandbox)
        return Response(stream, mimetype=STREAM_TYPE, headers=HEADERS, direct_passthrough=True)
