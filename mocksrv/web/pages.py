"""The providers' pages: mounted at the start, imported when the first of them is asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib import import_module

from flask import Flask, Request, Response, abort, request, send_from_directory

from mocksrv.engine.config import Config
from mocksrv.engine.engine import Engine
from mocksrv.engine.sandbox import Sandbox, SandboxDropped
from mocksrv.engine.storage.records import StoreFull, StoreUnavailable
from mocksrv.providers.pages import STATIC
from mocksrv.providers.provider import PageRoute, Provider

log = logging.getLogger("mocksrv")


class Pages:
    """Answers requests for pages: finds the sandbox, lets happen what fell due, calls the view.

    ``sandbox`` and ``base_url`` are those of a request; ``may_control`` says whether its client may use the control
    API.
    """

    def __init__(
        self,
        engine: Engine,
        config: Config,
        sandbox: Callable[[Request], Sandbox],
        base_url: Callable[[Request], str],
        may_control: Callable[[Request], bool],
    ) -> None:
        self._engine = engine
        self._config = config
        self._sandbox = sandbox
        self._base_url = base_url
        self._may_control = may_control

    def view(self, provider: Provider, route: PageRoute) -> Callable[..., Response]:
        """The view of one page."""

        def answer(**parameters: str) -> Response:
            self._engine.reserved.may_wait()  # templates take long, and may be read for the first time
            from mocksrv.providers.pages.page import PageRequest

            asked = request._get_current_object()  # type: ignore[attr-defined]
            sandbox = self._sandbox(asked)
            page = PageRequest(
                provider,
                asked,
                sandbox,
                self._base_url(asked),
                may_control=self._may_control(asked),
                plain=self._config.plain_pages,
            )
            module, _, name = route.view.partition(":")
            if request.method == "POST" and self._is_foreign(request):
                return page.render(
                    "message.html", 403, heading="Not from here", text="Pages of other sites may not post."
                )
            try:
                self._engine.schedule.catch_up(sandbox)
                response: Response = getattr(import_module(module), name)(page, **parameters)
            except SandboxDropped as error:
                return page.render("message.html", 404, heading="This sandbox is gone", text=str(error))
            except StoreUnavailable as error:
                status = 507 if isinstance(error, StoreFull) else 503  # its script asks again
                return page.render("message.html", status, heading="No answer at the moment", text=str(error))
            except Exception:
                log.exception("the page %r failed", request.path)
                told = "mocksrv failed to show it; its log says why. This is a defect, please report it."
                return page.render("message.html", 500, heading="This page is broken", text=told)
            return response

        return answer

    def _is_foreign(self, posted: Request) -> bool:
        """Whether a page of another site posts. Webviews and sandboxed frames say that their origin is null."""
        from mocksrv.providers.pages.page import origin_of

        origin = posted.headers.get("Origin", "null")
        own = {posted.host_url.rstrip("/"), origin_of(self._config.public_url)}
        return origin != "null" and origin not in own


def _static(providers: Sequence[Provider]) -> Callable[..., Response]:
    """The view of style sheets, scripts and pictures: of the kit, or of a provider's pages."""

    def answer(folder: str, file: str) -> Response:
        from mocksrv.providers.pages.page import KIT, folder_of

        places = {"kit": KIT, **{provider.name: folder_of(provider) for provider in providers}}
        place = places.get(folder)
        if place is None:
            abort(404)
        found = send_from_directory(place / "static", file)
        found.headers["X-Content-Type-Options"] = "nosniff"
        return found

    return answer


def mount(app: Flask, pages: Pages, providers: Sequence[Provider]) -> None:
    """Adds the pages to the application."""
    for provider in providers:
        for route in provider.pages():
            endpoint = f"{provider.name}.pages.{route.name}"
            app.add_url_rule(
                f"{provider.prefix}{route.path}", endpoint, pages.view(provider, route), methods=[route.method]
            )
    app.add_url_rule(f"{STATIC}/<folder>/<path:file>", "pages.static", _static(providers), methods=["GET"])
