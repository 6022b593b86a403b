"""The Python SDK: categories, tags, budgets, goals, spending plans, cash flow, insights, notifications."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mx_platform_python as sdk

from tests.sdk.world import World, gone

ACCEPT = "application/vnd.mx.api.v1+json"

# categories


def test_list_default_categories(world: World) -> None:
    found = world.sdk.list_default_categories(records_per_page=100)
    assert found.pagination.total_entries > 100
    assert all(category.is_default for category in found.categories)


def test_list_default_categories_by_user(world: World) -> None:
    found = world.sdk.list_default_categories_by_user(world.user)
    assert found.pagination.total_entries == len(world.categories)


def test_read_default_category(world: World) -> None:
    category = world.sdk.read_default_category(world.categories["Groceries"]).category
    assert (category.name, category.parent_guid) == ("Groceries", world.categories["Food & Dining"])


def test_create_category(world: World) -> None:
    request = sdk.CategoryCreateRequest(name="Web", parent_guid=world.categories["Shopping"], metadata="test")
    category = world.sdk.create_category(world.user, sdk.CategoryCreateRequestBody(category=request)).category
    assert (category.name, category.parent_guid, category.is_default) == ("Web", world.categories["Shopping"], False)


def test_read_category(world: World) -> None:
    category = world.new_category()
    assert world.sdk.read_category(category, world.user).category.guid == category


def test_list_categories(world: World) -> None:
    category = world.new_category()
    assert category in [each.guid for each in world.sdk.list_categories(world.user, records_per_page=1000).categories]


def test_update_category(world: World) -> None:
    request = sdk.CategoryUpdateRequestBody(category=sdk.CategoryUpdateRequest(name="Web shopping"))
    assert world.sdk.update_category(world.new_category(), world.user, request).category.name == "Web shopping"


def test_delete_category(world: World) -> None:
    category = world.new_category()
    world.sdk.delete_category(category, world.user)
    assert gone(world.sdk.read_category, category, world.user)


# tags


def test_create_tag(world: World) -> None:
    tag = world.sdk.create_tag(world.user, sdk.TagCreateRequestBody(tag=sdk.TagCreateRequest(name="MY TAG"))).tag
    assert (tag.name, tag.user_guid) == ("MY TAG", world.user)


def test_read_tag(world: World) -> None:
    tag = world.new_tag()
    assert world.sdk.read_tag(tag, world.user).tag.guid == tag


def test_list_tags(world: World) -> None:
    assert "Business" in [tag.name for tag in world.sdk.list_tags(world.user).tags]


def test_update_tag(world: World) -> None:
    request = sdk.TagUpdateRequestBody(tag=sdk.TagUpdateRequest(name="YOUR TAG"))
    assert world.sdk.update_tag(world.new_tag(), world.user, request).tag.name == "YOUR TAG"


def test_delete_tag(world: World) -> None:
    tag = world.new_tag()
    world.sdk.delete_tag(tag, ACCEPT, world.user)
    assert gone(world.sdk.read_tag, tag, world.user)


def test_create_tagging(world: World) -> None:
    request = sdk.TaggingCreateRequest(tag_guid=world.new_tag(), transaction_guid=world.transaction.guid)
    tagging = world.sdk.create_tagging(world.user, sdk.TaggingCreateRequestBody(tagging=request)).tagging
    assert (tagging.tag_guid, tagging.transaction_guid) == (request.tag_guid, world.transaction.guid)


def test_read_tagging(world: World) -> None:
    tagging = world.new_tagging(world.new_tag())
    assert world.sdk.read_tagging(tagging, world.user).tagging.guid == tagging


def test_list_taggings(world: World) -> None:
    tagging = world.new_tagging(world.new_tag())
    assert tagging in [each.guid for each in world.sdk.list_taggings(world.user, records_per_page=100).taggings]


def test_update_tagging(world: World) -> None:
    tagging, tag = world.new_tagging(world.new_tag()), world.new_tag()
    request = sdk.TaggingUpdateRequestBody(tagging=sdk.TaggingUpdateRequest(tag_guid=tag))
    assert world.sdk.update_tagging(tagging, world.user, request).tagging.tag_guid == tag


def test_delete_tagging(world: World) -> None:
    tagging = world.new_tagging(world.new_tag())
    world.sdk.delete_tagging(tagging, world.user)
    assert gone(world.sdk.read_tagging, tagging, world.user)


# budgets: the file, and so the SDK, has one budget where a list belongs


def test_create_budget(world: World) -> None:
    user = world.new_user()
    parent = world.new_budget(user, "Food & Dining")
    request = sdk.BudgetCreateRequest(category_guid=world.categories["Groceries"], parent_guid=parent, amount=200)
    budget = world.sdk.create_budget(user, sdk.BudgetCreateRequestBody(budget=request)).budget
    assert (budget.category_guid, budget.parent_guid, budget.amount) == (world.categories["Groceries"], parent, 200)


def test_read_specific_budget(world: World) -> None:
    user = world.new_user()
    budget = world.new_budget(user, "Travel")
    found = world.sdk.read_specific_budget(user, budget).budget
    assert (found.guid, found.percent_spent, found.is_exceeded) == (budget, 0, False)


def test_list_all_budgets(world: World) -> None:
    user = world.new_user()
    budget = world.new_budget(user, "Travel")
    assert world.sdk.list_all_budgets(user).budget.guid == budget


def test_update_specific_budget(world: World) -> None:
    user = world.new_user()
    request = sdk.BudgetUpdateRequestBody(budget=sdk.BudgetUpdateRequest(amount=750, metadata="changed"))
    changed = world.sdk.update_specific_budget(user, world.new_budget(user, "Travel"), request).budget
    assert (changed.amount, changed.metadata) == (750, "changed")


def test_delete_budget(world: World) -> None:
    user = world.new_user()
    budget = world.new_budget(user, "Travel")
    world.sdk.delete_budget(user, budget)
    assert gone(world.sdk.read_specific_budget, user, budget)


def test_auto_generate_budgets(world: World) -> None:
    user, _ = world.connected()
    budget = world.sdk.auto_generate_budgets(user).budget
    assert budget.category_guid in world.categories.values()
    assert budget.amount > 0


# goals


def saver(world: World) -> tuple[str, str]:
    """A user and an account to save on."""
    user = world.new_user()
    return user, world.new_manual_account(user)


def test_create_goal(world: World) -> None:
    user, account = saver(world)
    request = sdk.GoalRequest(
        account_guid=account,
        amount=4500.5,
        goal_type_name="SAVE_AMOUNT",
        meta_type_name="VACATION",
        name="Save for Europe",
    )
    goal = world.sdk.create_goal(user, sdk.GoalRequestBody(goal=request)).goal
    assert (goal.account_guid, goal.amount, goal.name, goal.position) == (account, 4500.5, "Save for Europe", 1)


def test_read_goal(world: World) -> None:
    user, account = saver(world)
    goal = world.new_goal(user, account)
    assert world.sdk.read_goal(goal, user).goal.guid == goal


def test_list_goals(world: World) -> None:
    user, account = saver(world)
    goals = [world.new_goal(user, account) for _ in range(2)]
    assert sorted(goal.guid for goal in world.sdk.list_goals(ACCEPT, user).goals) == sorted(goals)


def test_update_goal(world: World) -> None:
    user, account = saver(world)
    request = sdk.UpdateGoalRequestBody(goal=sdk.UpdateGoalRequest(name="Save for Asia", amount=5000))
    changed = world.sdk.update_goal(world.new_goal(user, account), user, request).goal
    assert (changed.name, changed.amount) == ("Save for Asia", 5000)


def test_delete_goal(world: World) -> None:
    user, account = saver(world)
    goal = world.new_goal(user, account)
    world.sdk.delete_goal(goal, user, ACCEPT)
    assert gone(world.sdk.read_goal, goal, user)


def test_reposition_goals(world: World) -> None:
    user, account = saver(world)
    first, second = (world.new_goal(user, account) for _ in range(2))
    request = sdk.RepositionRequestBody(goals=[sdk.RepositionRequest(guid=second, position=1)])
    found = {goal.guid: goal.position for goal in world.sdk.reposition_goals(user, request).goals}
    assert (found[second], found.get(first, 2)) == (1, 2)


# spending plans: the file, and so the SDK, has no wrapper around a single one


def test_create_spending_plan(world: World) -> None:
    user = world.new_user()
    plan = world.sdk.create_spending_plan(user)
    assert (plan.guid[:4], plan.user_guid, plan.current_iteration_number) == ("SPL-", user, 1)


def test_read_spending_plan_user(world: World) -> None:
    assert world.sdk.read_spending_plan_user(world.user, world.plan).guid == world.plan


def test_list_spending_plans(world: World) -> None:
    plan = world.plan
    assert plan in [each.guid for each in world.sdk.list_spending_plans(world.user).spending_plans]


def test_delete_spending_plan(world: World) -> None:
    user = world.new_user()
    plan = world.sdk.create_spending_plan(user).guid
    world.sdk.delete_spending_plan(user, plan)
    assert gone(world.sdk.read_spending_plan_user, user, plan)


def test_list_spending_plan_iterations(world: World) -> None:
    found = world.sdk.list_spending_plan_iterations(world.user, world.plan).iterations
    assert [each.iteration_number for each in found] == [1]


def test_read_current_spending_plan_iteration(world: World) -> None:
    found = world.sdk.read_current_spending_plan_iteration(world.user, world.plan)
    assert (found.iteration_number, found.start_on, found.end_on) == (1, "2026-01-01", "2026-01-31")


def test_read_spending_plan_iteration(world: World) -> None:
    assert world.sdk.read_spending_plan_iteration(world.user, world.plan, 1).spending_plan_guid == world.plan


def test_create_spending_plan_iteration_item(world: World) -> None:
    request = sdk.SpendingPlanIterationItemCreateRequestBody(
        planned_amount=110, category_guid=world.categories["Gas"], item_type=1
    )
    item = world.sdk.create_spending_plan_iteration_item(world.plan, world.user, request)
    assert (item.guid[:4], item.planned_amount, item.category_guid) == ("SII-", 110, world.categories["Gas"])


def test_read_spending_plan_iteration_item(world: World) -> None:
    item = world.new_item()
    assert world.sdk.read_spending_plan_iteration_item(world.user, world.plan, item).guid == item


def test_list_spending_plan_iteration_items(world: World) -> None:
    item = world.new_item()
    found = world.sdk.list_spending_plan_iteration_items(world.user, world.plan, records_per_page=100).iteration_items
    assert item in [each.guid for each in found]


def test_update_spending_plan_iteration_item(world: World) -> None:
    request = sdk.SpendingPlanIterationItemCreateRequestBody(planned_amount=220)
    changed = world.sdk.update_spending_plan_iteration_item(world.user, world.plan, world.new_item(), request)
    assert changed.planned_amount == 220


def test_delete_spending_plan_iteration_item(world: World) -> None:
    item = world.new_item()
    world.sdk.delete_spending_plan_iteration_item(world.user, world.plan, item)
    assert gone(world.sdk.read_spending_plan_iteration_item, world.user, world.plan, item)


def planner(world: World) -> tuple[str, str, str]:
    """A user with accounts, their spending plan and one of its accounts."""
    user, _ = world.connected()
    plan = world.sdk.create_spending_plan(user).guid
    return user, plan, world.sdk.list_spending_plan_accounts(user, plan).spending_plan_accounts[0].guid


def test_list_spending_plan_accounts(world: World) -> None:
    user, plan, account = planner(world)
    found = world.sdk.list_spending_plan_accounts(user, plan).spending_plan_accounts
    assert found[0].guid == account
    assert {each.spending_plan_guid for each in found} == {plan}


def test_read_spending_plan_account(world: World) -> None:
    user, plan, account = planner(world)
    assert world.sdk.read_spending_plan_account(user, plan, account).guid == account


def test_delete_spending_plan_account(world: World) -> None:
    account = planner(world)
    world.sdk.delete_spending_plan_account(*account)
    assert gone(world.sdk.read_spending_plan_account, *account)


# cash flow


def test_read_monthly_cash_flow_profile(world: World) -> None:
    assert world.member
    profile = world.sdk.read_monthly_cash_flow_profile(world.user).monthly_cash_flow_profile
    assert (profile.guid[:4], profile.user_guid) == ("MCF-", world.user)


def test_update_monthly_cash_flow_profile(world: World) -> None:
    # "institution" is what the file calls the profile in v20111101.
    request = sdk.MonthlyCashFlowProfileRequest(goals_contribution=150.01, uses_estimated_goals_contribution=False)
    body = sdk.MonthlyCashFlowProfileRequestBody(institution=request)
    profile = world.sdk.update_monthly_cash_flow_profile(world.new_user(), body).monthly_cash_flow_profile
    assert (profile.goals_contribution, profile.uses_estimated_goals_contribution) == (150.01, False)


# insights


def test_list_insights_user(world: World) -> None:
    assert world.insights
    assert {insight.user_guid for insight in world.insights} == {world.user}


def test_read_insight_user(world: World) -> None:
    insight = world.insights[0].guid
    assert world.sdk.read_insight_user(world.user, insight).insight.guid == insight


def test_update_insight(world: World) -> None:
    user, _ = world.connected()
    insight = world.sdk.list_insights_user(user).insights[0].guid
    body = sdk.InsightUpdateRequestBody(insight=sdk.InsightUpdateRequest(has_been_displayed=True, is_dismissed=True))
    changed = world.sdk.update_insight(user, insight, body)
    assert (changed.guid, changed.has_been_displayed, changed.is_dismissed) == (insight, True, True)


def associated(world: World, what: str, list_them: Callable[[str, str], Any]) -> int:
    """Asserts that each insight has what it says it has; how many have some."""
    found = {insight.guid: getattr(list_them(world.user, insight.guid), what) for insight in world.insights}
    assert {guid: bool(rows) for guid, rows in found.items()} == {
        insight.guid: getattr(insight, f"has_associated_{what}") for insight in world.insights
    }
    return sum(1 for rows in found.values() if rows)


def test_list_accounts_insight(world: World) -> None:
    assert associated(world, "accounts", world.sdk.list_accounts_insight)


def test_list_categories_insight(world: World) -> None:
    assert associated(world, "categories", world.sdk.list_categories_insight)


def test_list_merchants_insight(world: World) -> None:
    assert associated(world, "merchants", world.sdk.list_merchants_insight)


def test_list_transactions_insight(world: World) -> None:
    assert associated(world, "transactions", world.sdk.list_transactions_insight)


def test_list_scheduled_payments_insight(world: World) -> None:
    assert associated(world, "scheduled_payments", world.sdk.list_scheduled_payments_insight) <= len(world.insights)


def test_list_insights_by_account(world: World) -> None:
    insight = world.insight_with("accounts").guid
    account = world.sdk.list_accounts_insight(world.user, insight).accounts[0].guid
    assert insight in [
        each.guid for each in world.sdk.list_insights_by_account(account, world.user, records_per_page=100).insights
    ]


def test_list_insights_by_transaction(world: World) -> None:
    insight = world.insight_with("transactions").guid
    transaction = world.sdk.list_transactions_insight(world.user, insight).transactions[0].guid
    found = world.sdk.list_insights_by_transaction(transaction, world.user, records_per_page=100).insights
    assert insight in [each.guid for each in found]


# notifications


def test_create_notification(world: World) -> None:
    made = world.sdk.create_notification(world.user, "You are over budget.", "Monthly budget").notification
    assert (made.content, made.subject, made.has_been_viewed) == ("You are over budget.", "Monthly budget", False)


def test_read_notifications(world: World) -> None:
    assert world.sdk.read_notifications(world.user, world.notification).notification.guid == world.notification


def test_list_notifications(world: World) -> None:
    made = world.notification
    assert made in [each.guid for each in world.sdk.list_notifications(world.user).notifications]
