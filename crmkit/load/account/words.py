"""What an answer is about: the days, the customers, the money, and the rows that have no customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmkit.language.catalogue import counted, phrase
from crmkit.language.figures import money
from crmkit.load.account.audit import Audit


def context(own: str, facts: Mapping[str, Any], audit: Audit | None) -> str:
    """The days, the customers, the money and the rows without a customer, and what the analysis adds."""
    parts = [] if audit is None else _of_rows(audit, facts)
    if (as_of := facts.get("as_of")) is not None:
        is_last = audit is not None and as_of == audit.last_date
        parts.append(phrase("as of {day} (last date)" if is_last else "as of {day}", day=as_of))
    return " · ".join([*parts, *filter(None, [own])])


def _of_rows(audit: Audit, facts: Mapping[str, Any]) -> list[str]:
    parts = []
    if audit.first_date is not None:
        parts.append(phrase("{first} to {last}", first=audit.first_date, last=audit.last_date))
    if isinstance(facts.get("customers"), int):
        parts.append(counted(facts["customers"], "customers"))
    if "revenue_set_aside" in facts:
        parts.append(_of_money(audit))
    if without := audit.rejected.get("no customer id"):
        told = {"rows": f"{without:,}", "all": f"{audit.rows_read:,}"}
        if "revenue_set_aside" in facts:
            revenue = money(audit.money(audit.revenue_without_customer))
            parts.append(phrase("{rows} of {all} rows without customer ({revenue})", **told, revenue=revenue))
        else:
            parts.append(phrase("{rows} of {all} rows without customer", **told))
    return parts


def _of_money(audit: Audit) -> str:
    (currency,) = audit.currencies if len(audit.currencies) == 1 else ("",)
    revenue = f"{money(audit.money(audit.revenue))} {currency}".rstrip()
    if not audit.refunds:
        return revenue
    return phrase(
        "{revenue} net of {refunds} refunds", revenue=revenue, refunds=money(audit.money(audit.refunds))
    )
