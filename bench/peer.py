"""The peer: a bare Flask app that answers every status poll with a constant."""

import os
import shlex
import sys

from flask import Flask, Response

THREADS = 8
COMMAND = shlex.join(
    [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--workers", "1", "--threads", str(THREADS)]
)


def create_app() -> Flask:
    """A Flask app whose answer has as many bytes as the environment variable BENCH_BODY_BYTES says."""
    app = Flask("bench_peer")
    body = b"x" * int(os.environ["BENCH_BODY_BYTES"])

    @app.get("/users/<user>/members/<member>/status")
    def status(user: str, member: str) -> Response:
        return Response(body, mimetype="application/vnd.mx.api.v1+json")

    return app
