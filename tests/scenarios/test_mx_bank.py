"""MX Bank's documented test logins (user mxuser): what each password, and each answer to a question, leads to."""

from __future__ import annotations

import pytest

from tests.scenarios.connection import Connection

PASSWORDS = {
    "challenge": "CHALLENGED",
    "options": "CHALLENGED",
    "image": "CHALLENGED",
    "BAD_REQUEST": "FAILED",
    "SERVER_ERROR": "FAILED",
    "UNAVAILABLE": "FAILED",
    "UNAUTHORIZED": "DENIED",
    "INVALID": "DENIED",
    "DISABLED": "DENIED",
    "LOCKED": "LOCKED",
    "password": "CONNECTED",
    "invalid": "CONNECTED",
    "Challenge": "CONNECTED",
}
KINDS = {"challenge": "TEXT", "options": "OPTIONS", "image": "IMAGE_DATA"}
ERRORS = [password for password, status in PASSWORDS.items() if status in ("FAILED", "DENIED", "LOCKED")]


@pytest.mark.parametrize(("password", "status"), PASSWORDS.items())
def test_password(connection: Connection, password: str, status: str) -> None:
    connection.connect(password=password)
    connection.advance("5s")
    assert connection.state().split()[0] == status
    if password in KINDS:
        assert connection.question()["type"] == KINDS[password]
        connection.answer("correct")
        assert connection.advance("5s")[-1].endswith("AGGREGATION new")


@pytest.mark.parametrize("password", KINDS)
@pytest.mark.parametrize("answer", ERRORS)
def test_an_error_password_as_the_answer(connection: Connection, password: str, answer: str) -> None:
    connection.connect(password=password)
    connection.advance("1s")
    connection.answer(answer)
    connection.advance("1h")
    assert connection.state() == f"{PASSWORDS[answer]} idle 0/- out"
    assert connection.statuses() == ["CREATED", "CHALLENGED", "RESUMED", PASSWORDS[answer]]


@pytest.mark.parametrize("password", KINDS)
@pytest.mark.parametrize("answer", KINDS)
def test_a_question_as_the_answer(connection: Connection, password: str, answer: str) -> None:
    connection.connect(password=password)
    connection.advance("1s")
    before = connection.question()["guid"]
    connection.answer(answer)
    assert connection.advance("1s")[-3:] == [
        "1 updated RESUMED busy",
        "2 updated CHALLENGED busy",
        "2 CHANGED CHALLENGED",
    ]
    question = connection.question()
    assert question["type"] == KINDS[answer]
    assert question["guid"] != before
    connection.answer("wrong")
    connection.advance("2s")
    assert connection.question()["type"] == KINDS[answer]
    connection.answer("correct")
    assert connection.advance("1s")[-1] == "5 AGGREGATION new"


@pytest.mark.parametrize("password", ERRORS)
def test_another_password_connects(connection: Connection, password: str) -> None:
    connection.connect(password=password)
    connection.advance("10s")
    status = PASSWORDS[password]
    assert connection.wants_credentials() is (status == "DENIED")
    updated = connection.login("password")
    assert (updated["connection_status"], updated["is_being_aggregated"], updated["error"]) == ("UPDATED", True, {})
    expected = [
        "10 updated UPDATED busy 10/-",
        "11 updated CONNECTED busy 10/-",
        "12 updated CONNECTED idle 10/12",
        "12 AGGREGATION new",
    ]
    assert connection.advance("10s") == expected
    assert connection.statuses() == ["CREATED", status, "UPDATED", "CONNECTED"]


def test_from_one_error_to_another_and_to_a_question(connection: Connection) -> None:
    connection.connect(password="INVALID")
    connection.advance("10s")
    connection.login("LOCKED")
    assert connection.advance("10s") == [
        "10 updated UPDATED busy 10/-",
        "11 updated LOCKED idle 10/-",
        "11 CHANGED LOCKED",
    ]
    connection.login("options")
    assert connection.advance("10s")[-1] == "21 CHANGED CHALLENGED"
    connection.answer("correct")
    assert connection.advance("10s")[-1] == "31 AGGREGATION new"


def test_only_mxuser_has_these_passwords(connection: Connection) -> None:
    connection.connect(username="somebody", password="LOCKED")
    assert connection.advance("10s")[-1] == "2 AGGREGATION new"


def test_only_mx_bank_has_these_passwords(connection: Connection) -> None:
    connection.connect(institution="mxcu_credential", password="LOCKED")
    assert connection.advance("10s")[-1] == "2 AGGREGATION new"
