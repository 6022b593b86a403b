"""Where `--fidelity sdk` and `--fidelity wire` answer differently: a test for each row of the first table of
docs/discrepancies.md.

The rows of the second table, where both answer the same, have theirs in `test_discrepancies_agreed`, those about
callbacks in `test_discrepancies_callbacks`.
"""

from __future__ import annotations

import inspect
from typing import Any

from tests.providers.mx import test_discrepancies_agreed, test_discrepancies_callbacks
from tests.providers.mx.discrepancies import Server, row, rows


def test_every_row_has_a_test() -> None:
    here = [test for name, test in globals().items() if name.startswith("test_") and inspect.isfunction(test)]
    agreed = [test for name, test in vars(test_discrepancies_agreed).items() if name.startswith("test_")]
    callbacks = [test for name, test in vars(test_discrepancies_callbacks).items() if name.startswith("test_")]
    tested = {
        test.row: table
        for table, tests in ((1, here), (2, agreed), (3, callbacks))
        for test in tests
        if hasattr(test, "row")
    }
    assert [cell for cell in rows() if cell not in tested] == [], "rows without a test"
    assert [cell for cell in tested if cell not in rows()] == [], "tests without a row"
    assert tested == rows()


@row(
    "`GET /users/{user}/transactions/{transaction}`, and in v20250224 "
    "`GET …/members/{member}/accounts/{account}/transactions/{transaction}`"
)
def test_one_transaction(sdk: Server, wire: Server) -> None:
    for server, keys in ((sdk, ["transactions", "pagination"]), (wire, ["transaction"])):
        [first, *_] = server.rows(f"/users/{server.user}/accounts/{server.account}/transactions", "transactions")
        read = server.call("GET", f"/users/{server.user}/transactions/{first['guid']}")
        path = f"/users/{server.user}/members/{server.member}/accounts/{server.account}/transactions/{first['guid']}"
        for answer in (read, server.v2("GET", path)):
            assert list(answer) == keys
            assert server.one(answer[keys[0]])["guid"] == first["guid"]


@row("`most_recent_job_guid` of a member in v20111101")
def test_job_guid(sdk: Server, wire: Server) -> None:
    paths = {server.fidelity: f"/users/{server.user}/members/{server.member}" for server in (sdk, wire)}
    assert sdk.call("GET", paths["sdk"])["member"]["most_recent_job_guid"] is None
    assert wire.call("GET", paths["wire"])["member"]["most_recent_job_guid"].startswith("JOB-")
    assert sdk.v2("GET", paths["sdk"])["member"]["most_recent_job_guid"].startswith("JOB-")


@row("`property_type` of an account in v20250224")
def test_property_type(sdk: Server, wire: Server) -> None:
    for server, shown in ((sdk, "MISCELLANEOUS"), (wire, None)):
        path = f"/users/{server.user}/members/{server.member}/accounts/{server.account}"
        assert server.v2("GET", path)["account"]["property_type"] == shown
        assert server.call("GET", path)["account"]["property_type"] is None


@row("`iso_country_code` of an institution in v20250224")
def test_institutions_in_mexico(sdk: Server, wire: Server) -> None:
    path = "/institutions?iso_country_code[]=MX"
    assert sdk.v2("GET", path)["institutions"] == []
    assert {each["iso_country_code"] for each in wire.v2("GET", path)["institutions"]} == {"MX"}
    assert sdk.call("GET", path)["institutions"] != []


@row("`recurrence_type` in the `repeating_transaction` that `includes` adds")
def test_recurrence_types_of_includes(sdk: Server, wire: Server) -> None:
    shown = {}
    for server in (sdk, wire):
        path = f"/users/{server.everyday()}/transactions?records_per_page=1000&includes=repeating_transactions"
        series = [
            each["repeating_transaction"] for each in server.rows(path, "transactions") if each["repeating_transaction"]
        ]
        shown[server.fidelity] = {each.get("recurrence_type") for each in series}
    assert shown["sdk"] == {"EVERY_OTHER_WEEK", None}
    assert {"EVERY_OTHER_WEEK", "EVERY_MONTH"} <= shown["wire"]
    assert None not in shown["wire"]


@row(
    "a single microdeposit (`POST`, `GET …/micro_deposits/{micro_deposit}`, `PUT "
    "/micro_deposits/{micro_deposit}/verify`)"
)
def test_one_microdeposit(sdk: Server, wire: Server) -> None:
    for server, shape in ((sdk, list), (wire, dict)):
        body = {
            "account_number": "33331",
            "account_type": "CHECKING",
            "routing_number": "091000019",
            "account_name": "My",
            "email": "a@example.com",
            "first_name": "Ada",
            "last_name": "Byron",
        }
        user = server.mx.user()
        made = server.call("POST", f"/users/{user}/micro_deposits", {"micro_deposit": body})["micro_deposit"]
        guid = server.one(made)["guid"]
        server.mx.advance("5m")
        read = server.call("GET", f"/users/{user}/micro_deposits/{guid}")["micro_deposit"]
        amounts = {"micro_deposit": {"deposit_amount_1": 0.09, "deposit_amount_2": 0.09}}
        verified = server.call("PUT", f"/micro_deposits/{guid}/verify", amounts)["micro_deposit"]
        assert [type(each) for each in (made, read, verified)] == [shape] * 3
        assert [server.one(each)["status"] for each in (made, read, verified)] == ["INITIATED", "DEPOSITED", "VERIFIED"]


@row(
    "what a microdeposit does not have (all of the account while `PREINITIATED`, the institution of an unknown "
    "routing number)"
)
def test_what_a_microdeposit_lacks(sdk: Server, wire: Server) -> None:
    person = {"email": "a@example.com", "first_name": "Ada", "last_name": "Byron"}
    for server, texts, kind in ((sdk, "", "ANY"), (wire, None, None)):
        path = f"/users/{server.mx.user()}/micro_deposits"
        made = server.one(server.call("POST", path, {"micro_deposit": person})["micro_deposit"])
        lacking = ("account_name", "account_number", "routing_number", "institution_name", "institution_code")
        assert (made["status"], made["account_type"], {made[name] for name in lacking}) == (
            "PREINITIATED",
            kind,
            {texts},
        )


@row("`GET /account/transactions`")
def test_what_a_processor_reads_of_an_account(sdk: Server, wire: Server) -> None:
    for server, key in ((sdk, "account_owners"), (wire, "transactions")):
        answer = server.processor("/account/transactions", server.token())
        assert list(answer) == [key, "pagination"]
        assert {each["account_guid"] for each in answer[key]} == {server.account}


@row("`account_number`, `routing_number` of `GET /account/account_numbers` and `GET /payment_account`")
def test_numbers_for_processors(sdk: Server, wire: Server) -> None:
    for server, numbers in ((sdk, (4921710685, 5026788)), (wire, ("4921710685", "005026788"))):
        token = server.token()
        [listed] = server.processor("/account/account_numbers", token)["account_numbers"]
        account = server.processor("/payment_account", token)["payment_account"]
        assert [(each["account_number"], each["routing_number"]) for each in (listed, account)] == [numbers, numbers]


@row("`type` of a widget URL in v20250224")
def test_widgets_that_the_file_lacks(sdk: Server, wire: Server) -> None:
    for server in (sdk, wire):
        path = f"/users/{server.user}/widget_urls"
        for kind in ("pulse_widget", "mini_pulse_carousel_widget", "micro_pulse_carousel_widget"):
            body = {"widget_url": {"widget_type": kind}}
            assert server.v2("POST", path, body)["widget_url"]["type"] == (None if server is sdk else kind)
            assert server.call("POST", path, body)["widget_url"]["type"] == kind
        assert (
            server.v2("POST", path, {"widget_url": {"widget_type": "connect_widget"}})["widget_url"]["type"]
            == "connect_widget"
        )


@row("`expires_on` of a reward")
def test_rewards_without_an_end(sdk: Server, wire: Server) -> None:
    for server, shown in ((sdk, "9999-12-31"), (wire, None)):
        path = f"/users/{server.user}/members/{server.member}/rewards"
        assert shown in [each["expires_on"] for each in server.rows(path, "rewards")]
        assert shown in [each["expires_on"] for each in server.v2("GET", path)["rewards"]]


@row("`GET /users/{user}/budgets`, `POST …/budgets/generate`")
def test_all_budgets(sdk: Server, wire: Server) -> None:
    for server in (sdk, wire):
        user = server.everyday()
        for answer in (
            server.call("POST", f"/users/{user}/budgets/generate"),
            server.call("GET", f"/users/{user}/budgets"),
        ):
            assert len(answer["budgets"]) > 1
            assert answer.get("budget") == (answer["budgets"][0] if server is sdk else None)


@row("what a goal does not have: `completed_at`, `metadata`, `projected_to_complete_at`, `targeted_to_complete_at`")
def test_what_a_goal_lacks(sdk: Server, wire: Server) -> None:
    goal = {"amount": 4500, "goal_type_name": "SAVE_AMOUNT", "meta_type_name": "VACATION", "name": "Save"}
    for server, shown in ((sdk, ""), (wire, None)):
        user = server.mx.user()
        path = f"/users/{user}/goals"
        made = server.call("POST", path, {"goal": {**goal, "account_guid": server.jar(user)}})["goal"]
        lacking = {
            name: made[name]
            for name in ("completed_at", "metadata", "projected_to_complete_at", "targeted_to_complete_at")
        }
        assert lacking == dict.fromkeys(lacking, shown)
        again = server.call("PUT", f"{path}/{made['guid']}", {"goal": lacking if server is sdk else {"name": "Save"}})[
            "goal"
        ]
        assert {name: again[name] for name in lacking} == lacking


@row("a single spending plan, iteration, iteration item or account of a plan")
def test_single_things_of_a_spending_plan(sdk: Server, wire: Server) -> None:
    for server in (sdk, wire):
        user = server.everyday()

        def single(key: str, answer: Any, server: Server = server) -> Any:
            assert (key in answer, "guid" in answer) == ((False, True) if server is sdk else (True, False))
            return answer.get(key, answer)

        plan = single("spending_plan", server.call("POST", f"/users/{user}/spending_plans"))["guid"]
        path = f"/users/{user}/spending_plans/{plan}"
        single("spending_plan", server.call("GET", path))
        single("iteration", server.call("GET", f"{path}/iterations/current"))
        item = single(
            "iteration_item", server.call("POST", f"{path}/iterations/current/iteration_items", {"planned_amount": 5})
        )["guid"]
        single("iteration_item", server.call("GET", f"{path}/iterations/current/iteration_items/{item}"))
        [account, *_] = server.rows(f"{path}/spending_plan_accounts", "spending_plan_accounts")
        single("spending_plan_account", server.call("GET", f"{path}/spending_plan_accounts/{account['guid']}"))


@row("`GET /users/{user}/repeating_transactions/{repeating_transaction}`")
def test_one_repeating_transaction(sdk: Server, wire: Server) -> None:
    for server in (sdk, wire):
        path = f"/users/{server.everyday()}/repeating_transactions"
        [first, *_] = server.rows(path, "repeating_transactions")
        expected = {"repeating_transactions": [first]} if server is sdk else {"repeating_transaction": first}
        assert server.call("GET", f"{path}/{first['guid']}") == expected


@row("`merchant_guid` and `member_guid` of a repeating transaction, `merchant_guid` of a scheduled payment")
def test_what_repeats_without_a_merchant(sdk: Server, wire: Server) -> None:
    for server, shown in ((sdk, ""), (wire, None)):
        user = server.everyday()
        found = server.rows(f"/users/{user}/repeating_transactions", "repeating_transactions")
        merchants = {each["merchant_guid"] for each in found}
        assert shown in merchants
        assert all(merchant.startswith("MCH-") for merchant in merchants - {shown})
        payments = []
        for insight in server.rows(f"/users/{user}/insights?records_per_page=100", "insights"):
            payments += server.rows(
                f"/users/{user}/insights/{insight['guid']}/scheduled_payments", "scheduled_payments"
            )
        assert {each["merchant_guid"] for each in payments if not str(each["merchant_guid"]).startswith("MCH-")} <= {
            shown
        }


@row("`PUT /users/{user}/insights/{insight}`")
def test_an_updated_insight(sdk: Server, wire: Server) -> None:
    for server in (sdk, wire):
        path = f"/users/{server.user}/insights/{server.insights[0]['guid']}"
        answer = server.call("PUT", path, {"insight": {"has_been_displayed": True}})
        assert answer == (server.call("GET", path)["insight"] if server is sdk else server.call("GET", path))


@row("`Accept` in v20111101 for 21 operations, among them goals, new budgets, notifications, microdeposits")
def test_calls_without_a_version(sdk: Server, wire: Server) -> None:
    for server, status in ((sdk, 200), (wire, 406)):
        for path in ("notifications", "micro_deposits", "monthly_cash_flow_profile"):
            answer = server.mx.http.get(
                f"/users/{server.user}/{path}", headers={"Accept": "application/json"}, auth=("client", "key")
            )
            assert (answer.status_code, answer.mimetype) == (status, "application/json")
        answer = server.mx.http.get(
            f"/users/{server.user}/tags", headers={"Accept": "application/json"}, auth=("client", "key")
        )
        assert answer.status_code == 406


@row("`POST …/members/{member}/verify` while a new member's first job runs")
def test_verify_right_after_create(sdk: Server, wire: Server) -> None:
    for server, status in ((sdk, 200), (wire, 409)):
        apart = server.apart()
        user = apart.mx.user()
        member = apart.mx.create(user)["guid"]
        apart.mx.call("POST", f"/users/{user}/members/{member}/verify", status=status)
