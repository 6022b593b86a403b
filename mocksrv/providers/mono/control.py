"""The bodies and answers of Mono's control calls."""

from __future__ import annotations

from marshmallow import Schema

from mocksrv.providers.fields import Answer, Map, OneOf, Text
from mocksrv.providers.mono.bank.institutions import METHODS


class ConnectBody(Schema):
    """What the user does in the widget; all of it may be left out."""

    institution = Text("The bank: its id, its name, or `any`.")
    scenario = Text("The scenario that the new account plays.", allow_none=True)
    token = Text("Of a reauthorisation, or of a hosted link: its code or its URL.", allow_none=True)
    account = Text("The account to reauthorise, where the app hands over its id in place of a token.", allow_none=True)
    customer = Map("Who links, as the app tells the widget: `name` and `email`, or `id`.", allow_none=True)
    ref = Text("The app's reference, which the account keeps.", allow_none=True)
    auth_method = Text("How the user signs in.", validate=OneOf(METHODS))


class ConnectAnswer(Answer):
    code = Text("What the app's `onSuccess` gets; `POST /mono/v2/accounts/auth` answers the account's id for it.")
