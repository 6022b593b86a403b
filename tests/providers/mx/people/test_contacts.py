"""How users are reached: e-mail by MX's API, phone and channels by the control API, and tokens that really verify."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import MX

EMAIL = "sam@example.com"
PHONE = "15555550123"
MAIL = "mx.notification.EMAIL_VERIFICATION"
TEXT_MESSAGE = "mx.notification.SMS_VERIFICATION"


@pytest.fixture
def user(mx: MX) -> str:
    return mx.user(email=EMAIL)


def payloads(mx: MX, event: str) -> list[dict[str, Any]]:
    return [each["payload"] for each in mx.control("GET", f"/webhooks?event={event}&limit=1000")["webhooks"]]


def sent(mx: MX, user: str, event: str) -> dict[str, Any]:
    """The notification that a trigger sends."""
    mx.control("POST", "/trigger", {"event": event, "subject": user})
    return payloads(mx, event)[-1]


def contacts(mx: MX, user: str, **changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = mx.control("PUT", f"/users/{user}", changes)
    return found


def opened(mx: MX, url: str) -> tuple[int, str]:
    """A page as a browser gets it, with no credentials."""
    answer = mx.http.get(urlsplit(url).path)
    assert answer.mimetype == "text/html"
    return answer.status_code, answer.get_data(as_text=True)


# phone, channels


def test_notifications_carry_what_was_set(mx: MX, user: str) -> None:
    contacts(mx, user, phone=PHONE, channels=["push", "sms", "email"])
    alert = sent(mx, user, "mx.notification.PASSWORD_CHANGED")
    assert alert["enabled_channels"] == ["email", "sms", "push"]
    assert (alert["user_email"], alert["user_mobile"]) == (EMAIL, PHONE)
    contacts(mx, user, channels=["in_app"])
    alert = sent(mx, user, "mx.notification.PASSWORD_CHANGED")
    assert (alert["enabled_channels"], alert["user_email"], alert["user_mobile"]) == (["in_app"], "", "")


def test_without_a_choice_all_channels_but_push_are_used_that_lead_somewhere(mx: MX, user: str) -> None:
    assert contacts(mx, user)["channels"] == ["in_app", "email"]
    assert contacts(mx, user, phone=PHONE)["channels"] == ["in_app", "email", "sms"]
    assert contacts(mx, user, channels=[])["channels"] == []
    assert contacts(mx, user, channels=None, phone=None)["channels"] == ["in_app", "email"]


def test_a_channel_without_an_address_is_used_from_when_there_is_one(mx: MX) -> None:
    user = mx.user()
    assert contacts(mx, user, channels=["email", "push"])["channels"] == ["push"]
    mx.call("PUT", f"/users/{user}", {"user": {"email": EMAIL}})
    assert contacts(mx, user)["channels"] == ["email", "push"]


def test_a_user_s_callbacks_have_the_phone(mx: MX, user: str) -> None:
    contacts(mx, user, phone=PHONE)
    [told] = payloads(mx, "mx.user.updated")
    assert (told["user"]["phone"], told["user"]["phone_is_verified"]) == (PHONE, False)


def test_mx_s_api_neither_takes_nor_shows_a_phone(mx: MX, user: str) -> None:
    contacts(mx, user, phone=PHONE, channels=["sms"])
    body = {"user": {"metadata": "x", "phone": "1", "channels": ["email"]}}
    shown = mx.call("PUT", f"/users/{user}", body)["user"]
    assert {"phone", "channels"}.isdisjoint(shown)
    assert contacts(mx, user)["phone"] == PHONE
    rules = [each["detail"] for each in mx.control("GET", "/violations")["violations"]]
    assert "user.phone" in " ".join(rules)
    assert "user.channels" in " ".join(rules)


# what is sent, to be verified


def test_a_new_phone_is_sent_a_token(mx: MX, user: str) -> None:
    [pending] = contacts(mx, user, phone=PHONE)["verifications"]
    [alert] = payloads(mx, TEXT_MESSAGE)
    assert (alert["user_mobile"], alert["user"]["email_verification_url"]) == (PHONE, None)
    assert re.fullmatch("[0-9]{6}", alert["user"]["sms_verification_token"])
    assert (pending["channel"], pending["address"], pending["token"]) == (
        "sms",
        PHONE,
        alert["user"]["sms_verification_token"],
    )
    contacts(mx, user, phone=PHONE)
    assert len(payloads(mx, TEXT_MESSAGE)) == 1  # it is not new


def test_a_new_e_mail_is_sent_a_url_once_channels_were_chosen(mx: MX, user: str) -> None:
    assert payloads(mx, MAIL) == []
    contacts(mx, user, channels=["email"])
    mx.call("PUT", f"/users/{user}", {"user": {"email": "other@example.com"}})
    mx.call("PUT", f"/users/{user}", {"user": {"metadata": "more"}})
    assert [alert["user_email"] for alert in payloads(mx, MAIL)] == [EMAIL, "other@example.com"]


@pytest.mark.parametrize("event", [MAIL, TEXT_MESSAGE])
def test_what_verifies_an_address_goes_there(mx: MX, event: str) -> None:
    """Whatever the user has chosen, and with an invented address where there is none."""
    channel, name = ("email", "user_email") if event == MAIL else ("sms", "user_mobile")
    alert = sent(mx, mx.user(), event)
    assert channel in alert["enabled_channels"]
    assert alert[name]
    user = mx.user(email=EMAIL)
    contacts(mx, user, phone=PHONE, channels=[])
    alert = sent(mx, user, event)
    assert (alert["enabled_channels"], alert[name]) == ([channel], EMAIL if event == MAIL else PHONE)
    wrong = {"event": event, "subject": user, "payload": {"enabled_channels": ["in_app"]}}
    assert f"this is sent by {channel}" in mx.control("POST", "/trigger", wrong, status=422)["detail"]
    wrong["payload"] = {name: ""}
    assert "never empty" in mx.control("POST", "/trigger", wrong, status=422)["detail"]


# verifying


def test_the_url_of_an_e_mail_verifies_once(mx: MX, user: str) -> None:
    url = sent(mx, user, MAIL)["user"]["email_verification_url"]
    assert url.startswith("http://localhost/email_verifications/")
    assert mx.http.head(urlsplit(url).path).status_code == 200  # a scanner of links uses nothing up
    status, page = opened(mx, url)
    assert status == 200
    assert f"{EMAIL} is verified" in page
    assert 'data-testid="done"' in page
    assert re.findall(r'(?:src|href)="(?!/_pages/|data:)', page) == []  # nothing from elsewhere
    assert payloads(mx, "mx.user.updated")[-1]["user"]["email_is_verified"] is True
    assert [each["user_email"] for each in payloads(mx, "mx.notification.EMAIL_VERIFIED")] == [EMAIL]
    status, page = opened(mx, url)
    assert status == 410
    assert "used already" in page
    assert mx.http.head(urlsplit(url).path).status_code == 410
    assert len(payloads(mx, "mx.notification.EMAIL_VERIFIED")) == 1


def test_the_token_of_a_text_message_verifies_once(mx: MX, user: str) -> None:
    contacts(mx, user, phone=PHONE)
    token = payloads(mx, TEXT_MESSAGE)[0]["user"]["sms_verification_token"]
    shown = mx.control("POST", f"/users/{user}/verify", {"token": token})
    assert (shown["phone_is_verified"], shown["email_is_verified"]) == (True, False)
    assert shown["verifications"][0]["used_at"] is not None
    assert payloads(mx, "mx.user.updated")[-1]["user"]["phone_is_verified"] is True
    assert "used already" in mx.control("POST", f"/users/{user}/verify", {"token": token}, status=410)["detail"]


def test_token_and_url_are_one(mx: MX, user: str) -> None:
    alert = sent(mx, user, MAIL)["user"]
    mx.control("POST", f"/users/{user}/verify", {"token": alert["sms_verification_token"]})
    assert opened(mx, alert["email_verification_url"])[0] == 410
    again = contacts(mx, user, phone=PHONE)["verifications"][0]
    assert opened(mx, again["url"])[0] == 200
    assert (
        "used already" in mx.control("POST", f"/users/{user}/verify", {"token": again["token"]}, status=410)["detail"]
    )


@pytest.mark.parametrize(("event", "lives"), [(MAIL, 24 * 60), (TEXT_MESSAGE, 10)])
def test_a_token_expires(mx: MX, user: str, event: str, lives: int) -> None:
    contacts(mx, user, phone=PHONE)
    first, second = sent(mx, user, event)["user"], sent(mx, user, event)["user"]
    mx.advance(f"{lives * 60 - 1}s")
    mx.control("POST", f"/users/{user}/verify", {"token": first["sms_verification_token"]})
    mx.advance("1s")
    refused = mx.control("POST", f"/users/{user}/verify", {"token": second["sms_verification_token"]}, status=410)
    assert "expired" in refused["detail"]
    if event == MAIL:
        status, page = opened(mx, second["email_verification_url"])
        assert status == 410
        assert "expired" in page


def test_a_link_to_an_address_that_the_user_had_before_verifies_nothing(mx: MX, user: str) -> None:
    url = sent(mx, user, MAIL)["user"]["email_verification_url"]
    mx.call("PUT", f"/users/{user}", {"user": {"email": "other@example.com"}})
    status, page = opened(mx, url)
    assert status == 410
    assert "another e-mail address" in page
    mx.call("PUT", f"/users/{user}", {"user": {"email": None}})
    assert "has no e-mail address" in opened(mx, url)[1]
    mx.call("DELETE", f"/users/{user}")
    assert opened(mx, url)[0] == 404


def test_another_address_is_not_verified(mx: MX, user: str) -> None:
    opened(mx, sent(mx, user, MAIL)["user"]["email_verification_url"])
    assert contacts(mx, user)["email_is_verified"] is True
    mx.call("PUT", f"/users/{user}", {"user": {"email": EMAIL}})
    assert contacts(mx, user)["email_is_verified"] is True
    mx.call("PUT", f"/users/{user}", {"user": {"email": "other@example.com"}})
    assert contacts(mx, user)["email_is_verified"] is False


def test_a_link_works_in_its_sandbox_alone(mx: MX) -> None:
    other = MX(mx.http.application, "other")
    user = other.user(email=EMAIL)
    other.control("POST", "/trigger", {"event": MAIL, "subject": user})
    url = payloads(other, MAIL)[-1]["user"]["email_verification_url"]
    assert "/sandbox/other/email_verifications/" in url
    assert opened(mx, url.replace("/sandbox/other", ""))[0] == 404
    assert opened(mx, url)[0] == 200


@pytest.mark.parametrize(
    "path", ["/email_verifications/{key}x", "/email_verifications/<b>", "/sms_verifications/{key}"]
)
def test_a_forged_link_is_refused_and_shows_nothing_of_itself(mx: MX, user: str, path: str) -> None:
    key = sent(mx, user, MAIL)["user"]["email_verification_url"].rpartition("/")[2]
    status, page = opened(mx, path.format(key=key))
    assert status == 404
    assert "never sent" in page
    assert key not in page
    assert "<b>" not in page
    assert contacts(mx, user)["email_is_verified"] is False


# refusals


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"phone": "call me"}, 422, "phone: must be a phone number"),
        ({"phone": "12345"}, 422, "7 to 15 digits"),
        ({"phone": 15555550123}, 422, "phone: must be a text"),
        ({"channels": ["mail"]}, 422, "allowed are in_app, email, sms, push; did you mean email?"),
        ({"channels": "sms"}, 422, "channels: must be a list"),
        ({"email": "a@b.example"}, 422, "email: unknown; allowed are channels, phone"),
    ],
)
def test_contacts_that_are_refused(mx: MX, user: str, body: Any, status: int, said: str) -> None:
    before = contacts(mx, user)
    assert said in mx.control("PUT", f"/users/{user}", body, status=status)["detail"]
    assert contacts(mx, user) == before


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "token: missing"),
        ({"token": ""}, "token: must not be empty"),
        ({"token": 493817}, "token: must be a text"),
        ({"token": "000000"}, "token: this is no token that was sent to USR-"),
        ({"token": "1", "code": "2"}, "code: unknown"),
    ],
)
def test_tokens_that_are_refused(mx: MX, user: str, body: Any, said: str) -> None:
    assert said in mx.control("POST", f"/users/{user}/verify", body, status=422)["detail"]


def test_a_token_of_another_user_verifies_nothing(mx: MX, user: str) -> None:
    token = sent(mx, user, MAIL)["user"]["sms_verification_token"]
    mx.control("POST", f"/users/{mx.user(email=EMAIL)}/verify", {"token": token}, status=422)
    assert contacts(mx, user)["email_is_verified"] is False


@pytest.mark.parametrize("call", [("PUT", "", {"phone": PHONE}), ("POST", "/verify", {"token": "1"})])
def test_users_that_there_are_not(mx: MX, call: tuple[str, str, Any]) -> None:
    method, path, body = call
    refused = mx.control(method, f"/users/USR-1{path}", body, status=404)
    assert "there is no user USR-1 in the sandbox default" in refused["detail"]
