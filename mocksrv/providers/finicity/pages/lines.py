"""What the sandbox line of Connect says: what leads on from the present step."""

from __future__ import annotations

from mocksrv.providers.finicity.bank.institutions import Institution
from mocksrv.providers.finicity.pages.visit import MFA, SEARCH, SIGN_IN, Visit
from mocksrv.providers.pages.hints import Hint, SandboxLine, sandbox_line
from mocksrv.providers.pages.questions import answer_hints

ANYTHING = "anything"  # what is filled in where any value will do
TRIED = ("FinBank", "FinBank OAuth", "bank of nowhere")  # searches that lead to a login, to a bank's page, to nothing
MOST_HINTS = 16


def line_of(at: Visit) -> SandboxLine:
    """The sandbox line of the present page."""
    page = at.page
    advance = f"{page.request.script_root}/_mocksrv/clock/advance" if page.may_control else None
    return sandbox_line(page.sandbox, at.world, at.session, _hints(at)[:MOST_HINTS], advance)


def _hints(at: Visit) -> list[Hint]:
    institution = at.institution
    if at.step == SEARCH:
        return [Hint(at.texts("hint_search", name=name), {"q": name}) for name in TRIED]
    if at.step == SIGN_IN and institution is not None and not at.session.body["oauth"]:
        return _logins(at, institution)
    if at.step == MFA:
        asked = at.session.playing.asked
        led = [
            Hint(at.texts("hint_answer_leads", answer=answer, flow=flow), {"answer-1": answer})
            for answer, flow in (asked.answers if asked is not None else {}).items()
        ]
        return [*answer_hints(asked, at.texts, ANYTHING), *led]
    return []


def _logins(at: Visit, institution: Institution) -> list[Hint]:
    """Logins that choose a scenario, and one that is as good as any."""
    plain = {name: ANYTHING for name, _, _ in institution.form}
    name = next((name for name, _, masked in institution.form if not masked), "")
    secret = next((name for name, _, masked in institution.form if masked), "")
    hints = [Hint(at.texts("hint_login", scenario=at.session.playing.scenario), plain)]
    scenarios = at.page.sandbox.scenarios
    for login, found in scenarios.logins("finicity"):
        if login.username is not None and login.institution in (None, institution.code):
            typed = {name: login.username, secret: login.password or ANYTHING}
            told = at.texts("hint_login_plays", login=" / ".join(typed.values()), scenario=found.name)
            hints.append(Hint(told, {**plain, **typed}))
    return hints
