"""What a pass found about the lines of orders and about statuses, in words."""

from __future__ import annotations

from crmkit.errors import DataError
from crmkit.load import statuses
from crmkit.load.account.audit import Audit
from crmkit.load.plan import ReadingPlan

_MOST_DIFFERING = 0.01  # of the lines that were taken for repetitions


def refuse_differing(audit: Audit, plan: ReadingPlan, name: str) -> None:
    """Amounts of orders that differ from line to line are no orders' amounts."""
    differing, further = audit.differing_orders, audit.skipped.get("further line of an order", 0)
    if plan.options.amount_per is None and differing > _MOST_DIFFERING * (further + differing):
        raise DataError(
            f"{name}: {plan.roles['amount'].formula.text} was taken for the order's total, and {differing:,} orders have "
            "lines with different ones. Say --amount-per line to count each, or --amount-per order."
        )


def of_statuses(audit: Audit, plan: ReadingPlan) -> list[str]:
    """What the words of status columns are counted as."""
    told = []
    options = plan.options
    for role, rule in zip(statuses.roles(len(options.rules)), options.rules, strict=True):
        counted = {word: found for (name, word), found in audit.statuses.items() if name == role}
        if 0 < len(counted) <= statuses.MANY:
            money = [f"{audit.money(amount):,}" for _, amount in counted.values()]
            typed = options.exclude_status + options.refund_status if role == statuses.ROLE else ()
            told += statuses.notes(plan.roles[role].formula.text, rule, typed, counted, money)
    return told
