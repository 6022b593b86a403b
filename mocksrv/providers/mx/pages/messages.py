"""What the widget says to its host, in the form that the host reads.

Sources: MX's web SDK and its message definitions (names, members), MX's Connect widget (orders), MX's guides to older
versions and to webviews.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from mocksrv.engine.storage.records import dumps

LOAD, LOADED = "mx/load", "mx/connect/loaded"
STEP, BACK_TO_SEARCH = "mx/connect/stepChange", "mx/connect/backToSearch"
CONNECTED = "mx/connect/memberConnected"
WITHOUT_SESSION = frozenset({LOAD, "mx/account/created"})  # their metadata name neither user nor session
PRESENT_VERSION = 4
OLD_NAMES = {LOADED: "mxConnect:widgetLoaded", CONNECTED: "mxConnect:memberAdded"}
ATRIUM = 3  # versions below are those of the older Atrium API, which had a scheme of its own


class Messages:
    """Writes the messages of one session. ``identity`` is what names its user and itself."""

    def __init__(self, options: Mapping[str, Any], identity: Mapping[str, str]) -> None:
        self._identity = identity
        self._version: int = options["ui_message_version"]
        self._webview: bool = options["is_mobile_webview"]
        self._scheme: str = options["ui_message_webview_url_scheme"]

    def write(self, type: str, metadata: Mapping[str, Any], now: int) -> dict[str, Any] | None:
        """A message as `static/page.js` sends it; None where this version of the protocol has none. ``now`` is in
        ms.
        """
        more = {} if type in WITHOUT_SESSION else self._identity
        whole = {**metadata, **more}
        if self._webview:
            return self._to_app(type, whole)
        if self._version >= PRESENT_VERSION:
            return {"post": {"mx": True, "type": type, "metadata": whole}}
        if type not in OLD_NAMES:
            return None
        payload = {name: whole[name] for name in ("member_guid", "user_guid") if name in whole}
        old = {"type": OLD_NAMES[type], "payload": payload, "moneyDesktop": True, "timeStamp": now}
        return {"post": dumps(old)}

    def _to_app(self, type: str, metadata: Mapping[str, Any]) -> dict[str, Any] | None:
        name = type.removeprefix("mx/")
        if self._version >= PRESENT_VERSION:
            return {"go": f"{self._scheme}://{name}?metadata={quote(dumps(metadata), safe='')}"}
        event = name.rpartition("/")[2]
        if self._version >= ATRIUM:
            plain = {key: value for key, value in metadata.items() if not isinstance(value, Mapping)}
            return {"go": f"{self._scheme}://{event}?{urlencode(plain)}"}
        if type == LOADED:
            return {"go": "atrium://mxConnectLoaded"}
        return {"go": f"atrium://memberAdded/{metadata['member_guid']}"} if type == CONNECTED else None
