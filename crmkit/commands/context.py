"""What stands around an answer on a screen: what it is about, and lines to type for this very file."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from crmkit.commands.options import Shared
from crmkit.language.catalogue import counted, phrase
from crmkit.language.figures import money

if TYPE_CHECKING:
    from crmkit.load.account.audit import Audit

_FILE = re.compile(r"\bFILE\b")
# Options without which the next command would read the file differently.
_READING = (
    *("customer", "date", "amount", "order", "orders", "product", "cost", "store", "status"),
    *("encoding", "delimiter", "header", "date_format", "decimal", "tz", "as_of", "since", "currency"),
    *("exclude_status", "refunds"),
)
_USUAL = {spec.name: spec.default for spec in fields(Shared)}


def typed(lines: tuple[str, ...], common: Shared) -> tuple[str, ...]:
    """The lines with this run's files, and the options by which they were read, in the place of FILE."""
    words = [shlex.quote(name) for name in common.files]
    for name in _READING:
        value = getattr(common, name, None)
        if value not in (None, _USUAL.get(name)):
            words += [f"--{name.replace('_', '-')}", shlex.quote(str(value))]
    return tuple(_FILE.sub(lambda _: " ".join(words), line, count=1) for line in lines)


def context(own: str, facts: dict[str, Any], audit: Audit | None) -> str:
    """The days, the customers, the money and the rows without a customer, and what the analysis adds."""
    parts = [] if audit is None else _of_rows(audit, facts)
    if (as_of := facts.get("as_of")) is not None:
        is_last = audit is not None and as_of == audit.last_date
        parts.append(phrase("as of {day} (last date)" if is_last else "as of {day}", day=as_of))
    return " · ".join([*parts, *filter(None, [own])])


def _of_rows(audit: Audit, facts: dict[str, Any]) -> list[str]:
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
