"""Signing in at the dashboard of a server that wants a token: the browser keeps it in a cookie that no script reads and
that goes along with what this server's own pages ask for alone.
"""

from __future__ import annotations

from flask import Request, Response

from mocksrv.web.control.calls import PREFIX
from mocksrv.web.control.guard import Guard, cookie_name
from mocksrv.web.dashboard.html import html

WRONG = "This is not the token of --control-token."


def form(request: Request, then: str, wrong: str = "") -> Response:
    """The form that asks for the token, and leads on to the path ``then``."""
    action = f"{request.script_root}{PREFIX}/dashboard/sign-in"
    return html("sign_in.html", 401, request, action=action, then=then, wrong=wrong)


def sign_in(guard: Guard, request: Request) -> Response:
    """Takes the form. What is no path of this server leads to the overview."""
    token, then = request.form.get("token", ""), request.form.get("then", "")
    if not guard.knows(token):
        return form(request, then, WRONG)
    answer = _lead_on(request, then)
    answer.set_cookie(cookie_name(request), token, secure=request.is_secure, httponly=True, samesite="Strict")
    return answer


def sign_out(request: Request) -> Response:
    answer = _lead_on(request, "")
    answer.delete_cookie(cookie_name(request), secure=request.is_secure, httponly=True, samesite="Strict")
    return answer


def _lead_on(request: Request, then: str) -> Response:
    root = f"{request.script_root}{PREFIX}"
    own = then == f"{root}/docs" or then.startswith(f"{root}/dashboard/")
    return Response(status=303, headers={"Location": then if own else f"{root}/dashboard/overview"})
