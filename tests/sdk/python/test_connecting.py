"""The Python SDK: users, institutions, members and their jobs, widgets, managed data."""

from __future__ import annotations

import mx_platform_python as sdk

from tests.sdk.world import World, gone

ACCEPT = "application/vnd.mx.api.v1+json"

# users


def test_create_user(world: World) -> None:
    request = sdk.UserCreateRequest(
        id=world.unique("user"), email="bob@example.com", is_disabled=False, metadata="some"
    )
    user = world.sdk.create_user(sdk.UserCreateRequestBody(user=request)).user
    assert user.guid.startswith("USR-")
    assert (user.id, user.email, user.is_disabled, user.metadata) == (request.id, "bob@example.com", False, "some")


def test_read_user(world: World) -> None:
    assert world.sdk.read_user(world.user).user.guid == world.user


def test_list_users(world: World) -> None:
    found = world.sdk.list_users(id=world.sdk.read_user(world.user).user.id)
    assert ([user.guid for user in found.users], found.pagination.total_entries) == ([world.user], 1)


def test_update_user(world: World) -> None:
    user = world.new_user()
    request = sdk.UserUpdateRequestBody(user=sdk.UserUpdateRequest(metadata="changed"))
    assert world.sdk.update_user(user, request).user.metadata == "changed"
    assert world.sdk.read_user(user).user.metadata == "changed"


def test_delete_user(world: World) -> None:
    user = world.new_user()
    world.sdk.delete_user(ACCEPT, user)
    assert gone(world.sdk.read_user, user)


# institutions


def test_list_institutions(world: World) -> None:
    found = world.sdk.list_institutions(name="mx bank", supports_account_verification=True).institutions
    assert "mxbank" in [institution.code for institution in found]
    assert all(
        "mx bank" in institution.name.lower() and institution.supports_account_verification for institution in found
    )


def test_list_favorite_institutions(world: World) -> None:
    found = world.sdk.list_favorite_institutions()
    assert len(found.institutions) == found.pagination.total_entries > 0


def test_read_institution(world: World) -> None:
    institution = world.sdk.read_institution("mxbank").institution
    assert (institution.code, institution.name, institution.supports_oauth) == ("mxbank", "MX Bank", False)


def test_list_institution_credentials(world: World) -> None:
    form = world.sdk.list_institution_credentials("mxbank").credentials
    assert [(field.display_order, field.field_name) for field in form] == [(1, "LOGIN"), (2, "PASSWORD")]


# members


def test_create_member(world: World) -> None:
    user = world.new_user()
    request = sdk.MemberCreateRequest(
        institution_code="mxbank", id=world.unique("member"), credentials=world.credentials("password")
    )
    member = world.sdk.create_member(user, sdk.MemberCreateRequestBody(member=request)).member
    assert (member.id, member.user_guid, member.institution_code) == (request.id, user, "mxbank")
    assert (member.connection_status, member.is_being_aggregated) == ("CREATED", True)
    world.advance()


def test_read_member(world: World) -> None:
    member = world.sdk.read_member(world.member, world.user).member
    assert (member.guid, member.connection_status, member.is_being_aggregated) == (world.member, "CONNECTED", False)


def test_list_members(world: World) -> None:
    assert world.member in [member.guid for member in world.sdk.list_members(world.user).members]


def test_update_member(world: World) -> None:
    user, member = world.connected()
    request = sdk.MemberUpdateRequestBody(
        member=sdk.MemberUpdateRequest(metadata="changed", background_aggregation_is_disabled=True)
    )
    changed = world.sdk.update_member(member, user, request).member
    assert (changed.metadata, changed.background_aggregation_is_disabled) == ("changed", True)


def test_delete_member(world: World) -> None:
    user, member = world.connected()
    world.sdk.delete_member(member, user)
    assert gone(world.sdk.read_member, member, user)


def test_read_member_status(world: World) -> None:
    status = world.sdk.read_member_status(world.member, world.user).member
    assert (status.guid, status.connection_status, status.is_authenticated) == (world.member, "CONNECTED", True)


def test_list_member_credentials(world: World) -> None:
    form = world.sdk.list_member_credentials(world.member, world.user).credentials
    assert [field.field_name for field in form] == ["LOGIN", "PASSWORD"]


def test_list_member_challenges(world: World) -> None:
    user = world.new_user()
    member = world.new_member(user, "challenge")
    [challenge] = world.sdk.list_member_challenges(member, user).challenges
    assert (challenge.type, challenge.guid[:4]) == ("TEXT", "CRD-")


def test_resume_aggregation(world: World) -> None:
    user = world.new_user()
    member = world.new_member(user, "challenge")
    challenge = world.sdk.read_member_status(member, user).member.challenges[0]
    resumed = world.answer(user, member, challenge.guid, "correct")
    assert (resumed.connection_status, resumed.is_being_aggregated) == ("RESUMED", True)
    world.advance()


# jobs


def test_aggregate_member(world: World) -> None:
    user, member = world.connected()
    assert world.sdk.aggregate_member(
        member, user, include_holdings=True, include_transactions=True
    ).member.is_being_aggregated
    world.advance()


def test_verify_member(world: World) -> None:
    user, member = world.connected()
    assert world.sdk.verify_member(member, user).member.is_being_aggregated
    world.advance()
    assert world.sdk.read_member_status(member, user).member.challenges[0].type == "OPTIONS"


def test_identify_member(world: World) -> None:
    user, member = world.connected()
    assert world.sdk.identify_member(member, user).member.is_being_aggregated
    world.advance()


def test_check_balances(world: World) -> None:
    user, member = world.connected()
    assert world.sdk.check_balances(member, user).member.is_being_aggregated
    world.advance()


def test_extend_history(world: World) -> None:
    user, member = world.connected()
    assert world.sdk.extend_history(member, user).member.is_being_aggregated
    world.advance()


def test_fetch_statements(world: World) -> None:
    user, member = world.connected()
    assert world.sdk.fetch_statements(member, user).member.is_being_aggregated
    world.advance()


def test_fetch_rewards(world: World) -> None:
    user, member = world.connected()
    assert world.sdk.fetch_rewards(user, member).member.is_being_aggregated
    world.advance()


# widgets


def test_request_widget_url(world: World) -> None:
    request = sdk.WidgetRequestBody(widget_url=sdk.WidgetRequest(widget_type="connect_widget", mode="verification"))
    widget = world.sdk.request_widget_url(world.user, request, accept_language="en-US").widget_url
    assert (widget.type, widget.url.startswith("http")) == ("connect_widget", True)
    assert widget.user_id == world.sdk.read_user(world.user).user.id


def test_request_connect_widget_url(world: World) -> None:
    request = sdk.ConnectWidgetRequestBody(
        config=sdk.ConnectWidgetRequest(current_institution_code="mxbank", mode="aggregation")
    )
    user = world.sdk.request_connect_widget_url(world.user, request).user
    assert (user.guid, user.connect_widget_url.startswith("http")) == (world.user, True)


def test_request_o_auth_window_uri(world: World) -> None:
    user = world.new_user()
    member = world.new_oauth_member(user)
    asked = world.sdk.request_o_auth_window_uri(member, user, referral_source="BROWSER").member
    assert (asked.guid, asked.oauth_window_uri.startswith("http")) == (member, True)


# managed data


def test_list_managed_institutions(world: World) -> None:
    found = world.sdk.list_managed_institutions()
    assert len(found.institutions) == found.pagination.total_entries > 0


def test_create_managed_member(world: World) -> None:
    code = world.sdk.list_managed_institutions().institutions[0].code
    request = sdk.ManagedMemberCreateRequest(
        institution_code=code, id=world.unique("managed"), name="Ours", metadata="test"
    )
    member = world.sdk.create_managed_member(world.user, sdk.ManagedMemberCreateRequestBody(member=request)).member
    assert (member.id, member.name, member.institution_code) == (request.id, "Ours", code)
    assert (member.connection_status, member.is_managed_by_user) == (None, False)


def test_read_managed_member(world: World) -> None:
    assert world.sdk.read_managed_member(world.managed_member, world.user).member.guid == world.managed_member


def test_list_managed_members(world: World) -> None:
    found = (
        [member.guid for member in world.sdk.list_managed_members(world.user, records_per_page=100).members]
        if world.managed_member
        else []
    )
    assert world.managed_member in found
    assert world.member not in found


def test_update_managed_member(world: World) -> None:
    request = sdk.ManagedMemberUpdateRequestBody(member=sdk.ManagedMemberUpdateRequest(name="Still ours"))
    assert world.sdk.update_managed_member(world.new_managed_member(), world.user, request).member.name == "Still ours"


def test_delete_managed_member(world: World) -> None:
    member = world.new_managed_member()
    world.sdk.delete_managed_member(member, ACCEPT, world.user)
    assert gone(world.sdk.read_managed_member, member, world.user)


def test_create_managed_account(world: World) -> None:
    request = sdk.ManagedAccountCreateRequest(id=world.unique("account"), name="Ours", type="SAVINGS", balance=1000.5)
    body = sdk.ManagedAccountCreateRequestBody(account=request)
    account = world.sdk.create_managed_account(world.managed_member, world.user, body).account
    assert (account.id, account.name, account.type, account.balance) == (request.id, "Ours", "SAVINGS", 1000.5)
    assert (account.member_guid, account.member_is_managed_by_user) == (world.managed_member, False)


def test_read_managed_account(world: World) -> None:
    account = world.sdk.read_managed_account(world.managed_account, world.managed_member, world.user).account
    assert account.guid == world.managed_account


def test_list_managed_accounts(world: World) -> None:
    account = world.managed_account
    assert account in [
        each.guid
        for each in world.sdk.list_managed_accounts(world.managed_member, world.user, records_per_page=100).accounts
    ]


def test_update_managed_account(world: World) -> None:
    account = world.new_managed_account()
    body = sdk.ManagedAccountUpdateRequestBody(account=sdk.ManagedAccountUpdateRequest(balance=42.5))
    assert world.sdk.update_managed_account(account, world.managed_member, world.user, body).account.balance == 42.5


def test_delete_managed_account(world: World) -> None:
    account = world.new_managed_account()
    world.sdk.delete_managed_account(account, world.managed_member, world.user)
    assert gone(world.sdk.read_managed_account, account, world.managed_member, world.user)


def test_create_managed_transaction(world: World) -> None:
    request = sdk.ManagedTransactionCreateRequest(
        amount="61.11",
        description="Whole foods",
        id=world.unique("transaction"),
        status="POSTED",
        type="DEBIT",
        posted_at="2025-12-30T06:00:00.000Z",
        transacted_at="2025-12-29T13:00:00.000Z",
    )
    body = sdk.ManagedTransactionCreateRequestBody(transaction=request)
    made = world.sdk.create_managed_transaction(
        world.managed_account, world.managed_member, world.user, body
    ).transaction
    assert (made.amount, made.type, made.status, made.id) == (61.11, "DEBIT", "POSTED", request.id)
    assert (made.account_guid, made.member_guid) == (world.managed_account, world.managed_member)


def test_read_managed_transaction(world: World) -> None:
    made = world.new_managed_transaction()
    found = world.sdk.read_managed_transaction(
        world.managed_account, world.managed_member, made, world.user
    ).transaction
    assert (found.guid, found.original_description) == (made, "Whole foods")


def test_list_managed_transactions(world: World) -> None:
    made = world.new_managed_transaction()
    found = world.sdk.list_managed_transactions(
        world.managed_account, world.managed_member, world.user, from_date="2025-12-01"
    )
    assert made in [each.guid for each in found.transactions]


def test_update_managed_transaction(world: World) -> None:
    made = world.new_managed_transaction()
    body = sdk.ManagedTransactionUpdateRequestBody(
        transaction=sdk.ManagedTransactionUpdateRequest(amount="7.50", memo="changed")
    )
    changed = world.sdk.update_managed_transaction(
        world.managed_account, world.managed_member, made, world.user, body
    ).transaction
    assert (changed.amount, changed.memo) == (7.5, "changed")


def test_delete_managed_transaction(world: World) -> None:
    made = world.new_managed_transaction()
    world.sdk.delete_managed_transaction(world.managed_account, world.managed_member, made, world.user)
    assert gone(world.sdk.read_managed_transaction, world.managed_account, world.managed_member, made, world.user)
