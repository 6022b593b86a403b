"""MX Bank's documented test logins (user mxuser): what each password, and each answer to a question, leads to."""

from __future__ import annotations

import pytest

from tests.scenarios.stage import Stage

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
def test_password(stage: Stage, password: str, status: str) -> None:
    stage.connect(password=password)
    stage.advance("5s")
    assert stage.state().split()[0] == status
    if password in KINDS:
        assert stage.question()["type"] == KINDS[password]
        stage.answer("correct")
        assert stage.advance("5s")[-1].endswith("AGGREGATION new")


@pytest.mark.parametrize("password", KINDS)
@pytest.mark.parametrize("answer", ERRORS)
def test_an_error_password_as_the_answer(stage: Stage, password: str, answer: str) -> None:
    stage.connect(password=password)
    stage.advance("1s")
    stage.answer(answer)
    stage.advance("1h")
    assert stage.state() == f"{PASSWORDS[answer]} idle 0/- out"
    assert stage.statuses() == ["CREATED", "CHALLENGED", "RESUMED", PASSWORDS[answer]]


@pytest.mark.parametrize("password", KINDS)
@pytest.mark.parametrize("answer", KINDS)
def test_a_question_as_the_answer(stage: Stage, password: str, answer: str) -> None:
    stage.connect(password=password)
    stage.advance("1s")
    before = stage.question()["guid"]
    stage.answer(answer)
    assert stage.advance("1s")[-3:] == ["1 updated RESUMED busy", "2 updated CHALLENGED busy", "2 CHANGED CHALLENGED"]
    question = stage.question()
    assert question["type"] == KINDS[answer]
    assert question["guid"] != before
    stage.answer("wrong")
    stage.advance("2s")
    assert stage.question()["type"] == KINDS[answer]
    stage.answer("correct")
    assert stage.advance("1s")[-1] == "5 AGGREGATION new"


@pytest.mark.parametrize("password", ERRORS)
def test_another_password_connects(stage: Stage, password: str) -> None:
    stage.connect(password=password)
    stage.advance("10s")
    status = PASSWORDS[password]
    assert stage.wants_credentials() is (status == "DENIED")
    updated = stage.login("password")
    assert (updated["connection_status"], updated["is_being_aggregated"], updated["error"]) == ("UPDATED", True, {})
    expected = [
        "10 updated UPDATED busy 10/-",
        "11 updated CONNECTED busy 10/-",
        "12 updated CONNECTED idle 10/12",
        "12 AGGREGATION new",
    ]
    assert stage.advance("10s") == expected
    assert stage.statuses() == ["CREATED", status, "UPDATED", "CONNECTED"]


def test_from_one_error_to_another_and_to_a_question(stage: Stage) -> None:
    stage.connect(password="INVALID")
    stage.advance("10s")
    stage.login("LOCKED")
    assert stage.advance("10s") == ["10 updated UPDATED busy 10/-", "11 updated LOCKED idle 10/-", "11 CHANGED LOCKED"]
    stage.login("options")
    assert stage.advance("10s")[-1] == "21 CHANGED CHALLENGED"
    stage.answer("correct")
    assert stage.advance("10s")[-1] == "31 AGGREGATION new"


def test_only_mxuser_has_these_passwords(stage: Stage) -> None:
    stage.connect(username="somebody", password="LOCKED")
    assert stage.advance("10s")[-1] == "2 AGGREGATION new"


def test_only_mx_bank_has_these_passwords(stage: Stage) -> None:
    stage.connect(institution="mxcu_credential", password="LOCKED")
    assert stage.advance("10s")[-1] == "2 AGGREGATION new"
