"""What a browser must be told before a page of another origin may call an operation and read its answer.

Source: Fetch Standard, CORS protocol; Private Network Access.
"""

from __future__ import annotations

from flask import Request, Response

PRIVATE_NETWORK = "Access-Control-{}-Private-Network"


def allow_origin(request: Request, response: Response) -> None:
    """Lets the page that asks read this answer, with credentials, too."""
    origin = request.headers.get("Origin")
    response.headers["Access-Control-Allow-Origin"] = origin or "*"
    if origin:
        response.headers["Access-Control-Allow-Credentials"] = "true"
    response.vary.add("Origin")


def preflight(request: Request, method: str) -> Response:
    """The answer to a browser that asks whether a page may call ``method`` here: with any headers it may."""
    response = Response(status=204)
    asked = request.headers.get("Access-Control-Request-Headers")
    response.headers["Access-Control-Allow-Methods"] = method
    response.headers["Access-Control-Allow-Headers"] = asked or "*"
    if request.headers.get(PRIVATE_NETWORK.format("Request")):
        response.headers[PRIVATE_NETWORK.format("Allow")] = "true"
    return response
