"""What a browser must be told before a page of another origin may call an operation and read its answer.

Source: Fetch Standard, CORS protocol; Private Network Access.
"""

from __future__ import annotations

from werkzeug.wrappers import Request

from mocksrv.providers.http import Answer

PRIVATE_NETWORK = "Access-Control-{}-Private-Network"


def allow_origin(request: Request, answer: Answer) -> None:
    """Lets the page that asks read this answer, with credentials, too."""
    origin = request.headers.get("Origin")
    answer.headers["Access-Control-Allow-Origin"] = origin or "*"
    if origin:
        answer.headers["Access-Control-Allow-Credentials"] = "true"
    answer.headers["Vary"] = "Origin"


def preflight(request: Request, method: str) -> Answer:
    """The answer to a browser that asks whether a page may call ``method`` here: with any headers it may."""
    answer = Answer(204)
    asked = request.headers.get("Access-Control-Request-Headers")
    answer.headers["Access-Control-Allow-Methods"] = method
    answer.headers["Access-Control-Allow-Headers"] = asked or "*"
    if request.headers.get(PRIVATE_NETWORK.format("Request")):
        answer.headers[PRIVATE_NETWORK.format("Allow")] = "true"
    return answer
