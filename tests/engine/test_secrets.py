"""What is masked of calls before they are kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mocksrv.engine.secrets import masked_body, masked_headers, masked_query


def test_credentials_in_headers_are_masked() -> None:
    names = ["Authorization", "Mono-Sec-Key", "Finicity-App-Key", "Finicity-App-Token", "Cookie", "X-Api-Key"]
    assert masked_headers({**dict.fromkeys(names, "hush"), "Accept": "*/*"}) == {
        **dict.fromkeys(names, "***"),
        "Accept": "*/*",
    }


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"partnerId": "1", "partnerSecret": "hush"}, {"partnerId": "1", "partnerSecret": "***"}),
        ({"token": "hush", "expires": 1}, {"token": "***", "expires": 1}),
        (
            {"member": {"credentials": [{"guid": "CRD-1", "value": "hush"}], "id": "m-1"}},
            {"member": {"credentials": [{"guid": "CRD-1", "value": "***"}], "id": "m-1"}},
        ),
        ([{"password": "hush"}], [{"password": "***"}]),
        ({"name": "Turkey Hill", "memo": "the password: see the token"}, None),
        ({"memo": 'a "key": b', "secret": "hush"}, {"memo": 'a "key": b', "secret": "***"}),
        ({"tokens": {"next": 2}, "value": "shown", "keyword": "shown"}, None),
    ],
)
def test_secrets_in_bodies_are_masked(body: Any, shown: Any) -> None:
    assert json.loads(masked_body(json.dumps(body))) == (body if shown is None else shown)


def test_the_beginning_of_a_body_has_no_secrets_either() -> None:
    cut = json.dumps({"partnerId": "1", "partnerSecret": "hush", "password": "quiet as a mouse"})[:-8]
    assert masked_body(cut) == '{"partnerId": "1", "partnerSecret": "***", "password": "***"'


def test_a_query_and_a_form_are_masked() -> None:
    assert masked_query("page=1&api_key=hush&name=a") == "page=1&api_key=***&name=a"
    assert masked_body("grant_type=password&client_secret=hush") == "grant_type=password&client_secret=***"
    assert masked_query("page=1") == "page=1"
