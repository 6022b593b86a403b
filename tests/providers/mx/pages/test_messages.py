"""The forms in which the widget tells its host: objects, the text of the old version, addresses for webviews."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mocksrv.providers.mx.pages.messages import CONNECTED, LOAD, LOADED, STEP, Messages

IDENTITY = {"user_guid": "USR-1", "session_guid": "SES-1"}
NOW = 1_700_000_000_000


def write(type: str, metadata: dict[str, Any], **options: Any) -> Any:
    defaults = {"ui_message_version": 4, "is_mobile_webview": False, "ui_message_webview_url_scheme": "mx"}
    return Messages(defaults | options, IDENTITY).write(type, metadata, NOW)


def test_an_object_names_user_and_session() -> None:
    metadata = {"member_guid": "MBR-1", **IDENTITY}
    assert write(CONNECTED, {"member_guid": "MBR-1"}) == {
        "post": {"mx": True, "type": "mx/connect/memberConnected", "metadata": metadata}
    }


@pytest.mark.parametrize("type", [LOAD, "mx/account/created"])
def test_two_messages_name_neither(type: str) -> None:
    assert write(type, {}) == {"post": {"mx": True, "type": type, "metadata": {}}}


def test_the_old_version_is_a_text_of_its_own() -> None:
    told = json.loads(write(CONNECTED, {"member_guid": "MBR-1"}, ui_message_version=3)["post"])
    assert told == {
        "type": "mxConnect:memberAdded",
        "payload": {"member_guid": "MBR-1", "user_guid": "USR-1"},
        "moneyDesktop": True,
        "timeStamp": NOW,
    }
    assert json.loads(write(LOADED, {}, ui_message_version=1)["post"])["type"] == "mxConnect:widgetLoaded"
    assert write(STEP, {"current": "search"}, ui_message_version=3) is None


def test_a_webview_is_told_by_an_address() -> None:
    options = {"is_mobile_webview": True, "ui_message_webview_url_scheme": "myapp"}
    told = urlsplit(write(CONNECTED, {"member_guid": "MBR-1"}, **options)["go"])
    assert (told.scheme, told.netloc, told.path) == ("myapp", "connect", "/memberConnected")
    assert json.loads(parse_qs(told.query)["metadata"][0]) == {"member_guid": "MBR-1", **IDENTITY}


def test_a_webview_of_the_old_versions() -> None:
    webview = {"is_mobile_webview": True}
    third = write(CONNECTED, {"member_guid": "MBR-1"}, **webview, ui_message_version=3)["go"]
    assert third == "mx://memberConnected?member_guid=MBR-1&user_guid=USR-1&session_guid=SES-1"
    older = {**webview, "ui_message_version": 2}
    assert write(LOADED, {}, **older) == {"go": "atrium://mxConnectLoaded"}
    assert write(CONNECTED, {"member_guid": "MBR-1"}, **older) == {"go": "atrium://memberAdded/MBR-1"}
    assert write(STEP, {"current": "search"}, **older) is None
