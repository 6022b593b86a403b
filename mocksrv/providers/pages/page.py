"""A request for a page, as the views of pages see it, and the answers they give."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Request, Response, url_for
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mocksrv.engine.sandbox import Sandbox
from mocksrv.engine.storage.records import dumps
from mocksrv.engine.world import World
from mocksrv.providers.pages import BY_SCRIPT, STATIC
from mocksrv.providers.pages.hints import SandboxLine
from mocksrv.providers.pages.logos import logo
from mocksrv.providers.pages.texts import ENGLISH, Texts, texts_of

if TYPE_CHECKING:
    from mocksrv.engine.engine import Engine
    from mocksrv.providers.provider import Provider

KIT = Path(__file__).parent
# Any host may frame a page, and a page may lead to any address: no frame-ancestors, no form-action.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class PageRequest:
    """One request for a page of a provider.

    ``base_url`` is that of the sandbox. ``may_control``: the client may use the control API, so that the page may
    offer what only that can do. ``plain``: the sandbox line is left out.
    """

    def __init__(
        self, provider: Provider, request: Request, sandbox: Sandbox, base_url: str, *, may_control: bool, plain: bool
    ) -> None:
        assert provider.engine is not None, "pages are served when the engine is there"
        self.provider = provider
        self.engine: Engine = provider.engine
        self.request = request
        self.sandbox = sandbox
        self.base_url = base_url
        self.may_control = may_control
        self.plain = plain

    def change(self) -> AbstractContextManager[World]:
        """A transaction."""
        return self.engine.change(self.sandbox)

    def look(self) -> AbstractContextManager[World]:
        """Reads."""
        return self.engine.look(self.sandbox)

    def url(self, name: str, **values: Any) -> str:
        """The path of a page of this provider, with the sandbox's prefix; ``name`` is that of its view."""
        return url_for(f"{self.provider.name}.pages.{name}", **values)

    def texts(self, locale: str | None) -> Texts:
        """What the provider's pages say in a language, or in English."""
        return texts_of(self._folder / "texts", locale)

    def render(
        self,
        template: str,
        status: int = 200,
        *,
        texts: Texts | None = None,
        scheme: str = "browser",
        messages: Sequence[Any] = (),
        target: str = "*",
        line: SandboxLine | None = None,
        **context: Any,
    ) -> Response:
        """A page.

        Args:
            template: a file of the provider's ``pages/templates`` or of the kit's.
            texts: what it says; default: English.
            scheme: ``light``, ``dark``, or ``browser`` for what the person prefers.
            messages: what is sent to the host, in order, as soon as the page is there: ``{"post": VALUE}`` or, where
                the host is an app, ``{"go": URL}``. See `static/page.js`.
            target: the origin of the host.
            line: the sandbox line; None: there is nothing to say.
            context: what the template is given beside that.
        """
        html = (
            environment(self._folder)
            .get_template(template)
            .render(
                t=texts or self.texts(ENGLISH),
                scheme=scheme,
                messages=dumps(list(messages)),
                target=target,
                line=None if self.plain else line,
                static=f"{self.request.script_root}{STATIC}",
                page=self,
                **context,
            )
        )
        return Response(html, status, HEADERS, mimetype="text/html")

    def says(self, key: str, status: int, said: str = "") -> Response:
        """A page that says one thing: the texts ``KEY_heading`` and ``KEY_text``, which may quote what was ``said``."""
        texts = self._accepted_texts
        heading, text = texts(f"{key}_heading", said=said), texts(f"{key}_text", said=said)
        return self.render("message.html", status, texts=texts, heading=heading, text=text)

    def title(self) -> Response:
        """A page that says the title only, for HEAD of a link: it is no visit."""
        texts = self._accepted_texts
        return self.render("message.html", texts=texts, heading=texts("title"), text="")

    def nothing_new(self) -> Response:
        """The answer to a page that asks whether it is still right: it is."""
        return Response(status=204, headers=HEADERS)

    def see_other(self, url: str) -> Response:
        """Leads on to another address, by GET."""
        return Response(status=303, headers={**HEADERS, "Location": url})

    @property
    def by_script(self) -> bool:
        """Whether the page's script asks. It cannot follow a redirect to another origin: render a page with
        ``data-leave`` instead.
        """
        return BY_SCRIPT in self.request.headers

    @property
    def host_origin(self) -> str:
        """The origin of the page that led here; ``*`` where the browser does not say, or where it was one of ours."""
        return origin_of(self.request.headers.get("Referer"), but=self.request.host_url)

    @property
    def form(self) -> Mapping[str, str]:
        """The fields that were sent."""
        return self.request.form

    @property
    def _accepted_texts(self) -> Texts:
        """In the language that the browser asks for."""
        return self.texts(self.request.headers.get("Accept-Language"))

    @property
    def _folder(self) -> Path:
        return folder_of(self.provider)


def origin_of(url: str | None, but: str = "") -> str:
    """Scheme and host of a URL; ``*`` for none, and for the host ``but``."""
    if not url or "://" not in url:
        return "*"
    scheme, _, rest = url.partition("://")
    origin = f"{scheme}://{rest.split('/', 1)[0].split('?', 1)[0]}"
    return "*" if origin == but.rstrip("/") else origin


def folder_of(provider: Provider) -> Path:
    """Where the templates, files and texts of a provider's pages are: beside its declaration."""
    return Path(inspect.getfile(type(provider))).with_name("pages")


@cache
def environment(folder: Path) -> Environment:
    """The templates of a folder and of the kit; all that is put into them is escaped."""
    made = Environment(
        loader=FileSystemLoader([folder / "templates", KIT / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["logo"] = logo
    return made
