"""What the sandbox line of the widget says: what leads on from the present step."""

from __future__ import annotations

from dataclasses import replace

from mocksrv.engine.storage.records import Record
from mocksrv.providers.mono.bank.institutions import Institution
from mocksrv.providers.mono.pages.visit import LOGIN, OTP, SEARCH, WidgetVisit
from mocksrv.providers.mono.partners import PASSWORD, USERS
from mocksrv.providers.pages.hints import Hint, SandboxLine, sandbox_line
from mocksrv.providers.pages.questions import answer_hints

MOST_HINTS = 16
WORD_OF_MOCKS = "Mock"  # begins the name of an institution that stands for a scenario


def line_of(visit: WidgetVisit, account: Record | None) -> SandboxLine:
    """The sandbox line of the present page. Before there is an account, the login has chosen its scenario."""
    page = visit.page
    advance = f"{page.request.script_root}/_mocksrv/clock/advance" if page.may_control else None
    with page.look() as world:
        line = sandbox_line(page.sandbox, world, account, _hints(visit, account)[:MOST_HINTS], advance)
    chosen = visit.state["choice"]
    return replace(line, scenario=chosen[0]) if account is None and chosen else line


def _hints(visit: WidgetVisit, account: Record | None) -> list[Hint]:
    institution = visit.institution
    if visit.step == SEARCH:
        return [Hint(visit.texts("hint_mocks"), {"q": WORD_OF_MOCKS})]
    if visit.step == LOGIN and institution is not None:
        return _logins(visit, institution)
    if visit.step == OTP and visit.state["scripted"]:
        return answer_hints(account.playing.asked if account is not None else None, visit.texts, PASSWORD)
    if visit.step == OTP:
        return [Hint(visit.texts("hint_any_code"), {"answer-1": PASSWORD})]
    return []


def _logins(visit: WidgetVisit, institution: Institution) -> list[Hint]:
    """One login that is as good as any, and those that choose a scenario."""
    secret = next((field["name"] for field in institution.form if field["contentType"] == "password"), "")
    name = next((field["name"] for field in institution.form if field["name"] != secret), "")
    plain = {field["name"]: PASSWORD if field["name"] == secret else USERS[0] for field in institution.form}
    texts = visit.texts
    told = texts("hint_scenario", scenario=institution.scenario) if institution.scenario else texts("hint_login")
    hints = [Hint(told, plain)]
    if visit.state["again"]:
        return hints
    for login, scenario in visit.page.sandbox.scenarios.logins_at("mono", institution.identifier):
        typed = {name: login.username or USERS[0], secret: login.password or PASSWORD}
        said = texts("hint_chosen", username=typed[name], password=typed[secret], scenario=scenario)
        hints.append(Hint(said, {**plain, **typed}))
    return hints
