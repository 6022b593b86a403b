"""What is not shown of calls and callbacks: credentials, keys, passwords and tokens, also those in URLs, read as
asterisks.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from mocksrv.engine.storage.records import dumps, loads

if TYPE_CHECKING:
    from mocksrv.engine.callbacks.transport import Answer
    from mocksrv.engine.sandbox import Endpoint

MASK = "***"
AUTH_SECRETS = frozenset({"password", "client_secret", "secret", "key"})  # members of an endpoint's auth
PRIVATE_KEY = "PRIVATE KEY-----"  # stands in a PEM text that holds more than a certificate
SHORTEST = 4  # characters of a secret that is looked for: a shorter one stands everywhere
_SECRET_HEADER = re.compile(r"authorization|secret|token|(api|app|sec)-?key|password|cookie", re.IGNORECASE)
SECRET_NAME = re.compile(r"pass(word|code|phrase)|secret|token|authorization|(^|[_-]|api|app|sec)key$", re.IGNORECASE)
SECRET_PARAMETER = re.compile(rf"{SECRET_NAME.pattern}|^(sig|signature|auth|hmac|code)$", re.IGNORECASE)  # of URLs
_LOGIN = re.compile(r"""(:\\?/\\?/)([^\s/\\?#"'@]+)(?=@)""")  # the slashes as JSON may write them
_PARAMETER = re.compile(r"""([?&]([^=&?\s#"']+)=)([^&\s#"'<>\\]+)""")
_HINTS = ("pass", "secret", "token", "key", "authorization", "credentials")  # without one there is nothing to mask
_SECRET_MEMBER = re.compile(rf'"[^"]*(?:{"|".join(_HINTS)})[^"]*"\s*:', re.IGNORECASE)
_MEMBER = re.compile(r'("(?:[^"\\]|\\.)*"\s*:\s*)"((?:[^"\\]|\\.)*)"?')


@lru_cache(1000)
def is_secret_header(name: str) -> bool:
    """Whether what a header of this name says is a secret."""
    return _SECRET_HEADER.search(name) is not None


def masked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: MASK if is_secret_header(name) else value for name, value in headers.items()}


def is_auth_secret(name: str, value: str) -> bool:
    """Whether a member of an endpoint's auth is a secret."""
    return name in AUTH_SECRETS or PRIVATE_KEY in value


def masked_urls(text: str, stand_in: Callable[[str], str] = lambda _: MASK) -> str:
    """A URL, or a text with URLs in it, without logins and the values of parameters that are secrets: ``stand_in`` says
    what is shown in place of one.
    """
    if "=" not in text and "@" not in text:
        return text
    text = _LOGIN.sub(lambda found: found[1] + stand_in(found[2]), text)
    return _PARAMETER.sub(
        lambda found: found[1] + (stand_in(found[3]) if SECRET_PARAMETER.search(found[2]) else found[3]), text
    )


def kept_exchange(endpoint: Endpoint, sent: Mapping[str, str], body: bytes, answer: Answer) -> tuple[str, str]:
    """A callback and its answer as they are kept, in JSON: without secrets, also where the receiver repeats them."""
    own = {name.lower() for name in endpoint.headers}
    shown = {name: MASK if is_secret_header(name) or name.lower() in own else value for name, value in sent.items()}
    text: dict[str, str] = {"body": body.decode("utf-8", "replace")}
    if text["body"].encode() != body:  # it is no text any more
        text["body_base64"] = b64encode(body).decode()
    secrets = _known_secrets(endpoint, sent)
    heads = {name: _without(value, secrets) for name, value in answer.headers.items()}
    request = dumps({"url": masked_urls(endpoint.url), "headers": shown, **text})
    return request, dumps({"headers": heads, "body": _without(answer.body, secrets)})


def _known_secrets(endpoint: Endpoint, sent: Mapping[str, str]) -> list[str]:
    """What an answer could echo of an endpoint's secrets: those of its URL, as they stand there and as a receiver reads
    them, and of its auth, the values of its own headers, and what the headers that were ``sent`` prove who sends with.
    The longest first.
    """
    proofs = [value for name, value in sent.items() if is_secret_header(name)]
    values = [
        *_secrets_of_url(endpoint.url),
        *(str(endpoint.auth[name]) for name in AUTH_SECRETS & endpoint.auth.keys()),
    ]
    values += [*endpoint.headers.values(), *proofs, *(proof.partition(" ")[2] for proof in proofs)]
    return sorted({value for value in values if len(value) >= SHORTEST}, key=len, reverse=True)


@lru_cache(1000)
def _secrets_of_url(url: str) -> Sequence[str]:
    logins = [part for found in _LOGIN.finditer(url) for part in (found[2], *found[2].split(":"))]
    parameters = [found[3] for found in _PARAMETER.finditer(url) if SECRET_PARAMETER.search(found[2])]
    return (*logins, *parameters, *map(unquote_plus, parameters))


def _without(text: str, secrets: Sequence[str]) -> str:
    """A text in which asterisks stand for these secrets."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def masked_query(query: str) -> str:
    if not _may_have_secrets(query):
        return query
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode(
        [(name, MASK if SECRET_NAME.search(name) else masked_urls(value)) for name, value in pairs], safe="*[]"
    )


def masked_body(body: str) -> str:
    """A body without its secrets: JSON, the beginning of JSON, or a form."""
    if not _may_have_secrets(body):
        return body
    if body.startswith(("{", "[")) and "\\" not in body and not _SECRET_MEMBER.search(body):
        return body  # a word like one of a secret stands in a value
    try:
        return json.dumps(_masked(loads(body)), ensure_ascii=False)
    except (ValueError, RecursionError):
        pass
    if body.lstrip().startswith(("{", "[")):
        return _MEMBER.sub(lambda found: f'{found[1]}"{MASK}"' if _is_secret_member(found[1]) else found[0], body)
    return masked_query(body) if "=" in body else body


def _may_have_secrets(text: str) -> bool:
    folded = text.lower()
    return any(hint in folded for hint in _HINTS)


def _is_secret_member(text: str) -> bool:
    name = text[1:].rpartition('"')[0]
    return name == "value" or SECRET_NAME.search(name) is not None


def _masked(value: Any, name: str = "") -> Any:
    """``name`` is that of the list or object in which a value stands: what the fields of a login form say is secret."""
    if isinstance(value, list):
        return [_masked(each, name) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: MASK
        if isinstance(inner, (str, int)) and (SECRET_NAME.search(key) or (name == "credentials" and key == "value"))
        else _masked(inner, key)
        for key, inner in value.items()
    }
