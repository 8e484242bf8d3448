"""The page that a manager opens: what changed, who makes the money, who is leaving, who stays, what it is worth.

The file is read once. Every section asks the question of the same name of what was read, and shows
the answer that the command would give. A section that a file cannot answer says why.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from crmkit import backtest, basket, churn, clv, cohort, columns, migration, pareto, returns, rfm, trend
from crmkit.campaigns import lift
from crmkit.errors import CrmkitError, DataError, UsageError
from crmkit.language.catalogue import counted, label, meaning, phrase
from crmkit.language.figures import money, percent
from crmkit.load import door
from crmkit.load.account.words import context
from crmkit.load.dataset import transactions_of
from crmkit.load.kept import Kept
from crmkit.page import document, sections
from crmkit.page.document import Figure, Page, Section
from crmkit.page.sections import SECTIONS, Wishes
from crmkit.parse import YEAR
from crmkit.result import Result

NAMES = tuple(SECTIONS)
_FOREMOST = {
    "changed": "trend", "makers": "pareto", "talk": "rfm", "leaving": "churn", "stay": "cohort", "worth": "clv",
    "together": "basket", "returned": "returns", "campaign": "lift",
}  # fmt: skip
_MANY_MONTHS, _FEW = 18, 20
_SHOWN = 6
_HASH = 12  # hexadecimal digits of a pseudonym

Tell = Callable[[str], None]
Ask = Callable[[Kept, Mapping[str, Result]], Result]
Questions = Mapping[str, Mapping[str, Ask]]


@door.question
def analyse(
    data: Any,
    *,
    sections: Sequence[str] = NAMES,
    previous: str | Path | None = None,
    min_cell: int = 1,
    pseudonyms: str | None = None,
    groups: str | None = None,
    from_: date | str | None = None,
    to: date | str | None = None,
    margin: float | str | None = None,
    tell: Tell = lambda stage: None,
) -> Result:
    """The answers of every section, with the page as `saved["report"]`.

    Args:
        sections: those of `NAMES` that are wanted, in the page's order.
        previous: JSON of an earlier report (`--summary`, or `-f json`), against which changes are shown.
        min_cell: groups of fewer customers are merged, and cohorts left out.
        pseudonyms: a key; ids are shown as HMAC-SHA-256 of it and the id, twelve digits of it.

        groups, from_, to, margin: a campaign, as in `crmkit lift`, which is a section of its own then.

    Raises DataError where no row can be used, UsageError for a section that there is not.
    """
    unknown = [name for name in sections if name not in SECTIONS]
    if unknown:
        raise UsageError(f"--sections {unknown[0]!r} is not one of {', '.join(NAMES)}.")
    _check_days(groups, from_, to)
    asked = [name for name in NAMES if name in sections and (name != "campaign" or groups is not None)]
    paid = partial(_paid, groups=groups, from_=from_, to=to, margin=margin)
    if min_cell < 1:
        raise UsageError(f"--min-cell is {min_cell}. Give the customers that a group needs, such as 5.")
    before = _earlier(previous)
    tell("reading")
    kept = Kept(transactions_of(data, wants=_wanted(asked)))
    asked = [name for name in asked if name not in _OF_PRODUCTS or kept.lines is not None]
    results, failed = _asked(kept, asked, {**_QUESTIONS, "campaign": {"lift": paid}}, tell)
    facts = _facts(kept, results)
    wishes = Wishes(kept.name, min_cell, partial(_pseudonym, pseudonyms.encode()) if pseudonyms else None)
    made = [_section(name, results, failed, wishes, facts, before) for name in asked]
    account = kept.audit.facts(has_amount=kept.has_amount)
    page = _page(kept, made, facts, before, account)
    table = pl.DataFrame(
        [(one.title, one.answer) for one in made],
        schema={"section": pl.String, "answer": pl.String},
        orient="row",
    )
    return Result(
        command="report",
        tables={"sections": table},
        pictures={"sections": "whole"},
        facts=facts,
        notes=tuple(dict.fromkeys(_told_by(one, note) for one in results.values() for note in one.notes)),
        saved={"report": document.html(page)},
        next=("crmkit report FILE -o report.html",),
    )


def _told_by(result: Result, note: str) -> str:
    """A note on options is about those of the question's own command."""
    return f"crmkit {result.command}: {note}" if "--" in note else note


def _wanted(asked: Sequence[str]) -> tuple[str, ...]:
    """Columns that are used where they are there; that of products only by who asks for them."""
    return ("order", "product") if _OF_PRODUCTS & set(asked) else ("order",)


def _check_days(groups: str | None, from_: date | str | None, to: date | str | None) -> None:
    if groups is not None and (from_ is None or to is None):
        raise UsageError("--groups needs the days of the campaign: --from 2024-03-01 --to 2024-04-30.")


def _asked(
    kept: Kept, names: Sequence[str], questions: Questions, tell: Tell
) -> tuple[dict[str, Result], dict[str, str]]:
    """The answers to all questions of these sections, and why some cannot be given."""
    results: dict[str, Result] = {}
    failed: dict[str, str] = {}
    for name in names:
        for question, ask in questions[name].items():
            tell(question)
            try:
                results[question] = ask(kept, results)
            except CrmkitError as error:
                failed[question] = str(error)
    return results, failed


def _returned(kept: Kept, _: Mapping[str, Result]) -> Result:
    """Cohorts by month, or by quarter where a month has too few newcomers to tell anything."""
    months = (kept.found.as_of - kept.found.first).days / 30
    sparse = months > _MANY_MONTHS and kept.customers / months < _FEW
    return cohort.analyse(kept, period="quarter" if sparse else "month")


def _moved(kept: Kept, _: Mapping[str, Result]) -> Result:
    """Moves between tiers over half of the history, a year at most."""
    back = min(YEAR, (kept.found.as_of - kept.found.first).days // 2)
    return migration.analyse(kept, from_=kept.found.as_of - timedelta(days=back), of="tier")


def _tested(kept: Kept, results: Mapping[str, Result]) -> Result:
    """The chosen model, tried on the past."""
    if "clv" not in results:
        raise DataError("There is no forecast to try on the past.")
    return backtest.analyse(kept, model=results["clv"].facts["model"]["name"])


def _paid(kept: Kept, _: Mapping[str, Result], *, groups: str | None, **campaign: Any) -> Result:
    """What the campaign brought."""
    return lift.analyse(kept, groups=groups, **campaign)


def _paired(kept: Kept, _: Mapping[str, Result]) -> Result:
    """What goes together in the orders of known customers."""
    assert kept.lines is not None
    return basket.analyse(kept.lines)


def _sent_back(kept: Kept, _: Mapping[str, Result]) -> Result:
    """What comes back, of the rows of known customers."""
    assert kept.lines is not None
    found = returns.by_product(kept.lines)
    if found is None:
        raise DataError(phrase("No amount is below zero, so nothing came back."))
    return found


_OF_PRODUCTS = frozenset({"together", "returned"})
_QUESTIONS: Questions = {
    "changed": {"trend": lambda kept, _: trend.analyse(kept)},
    "makers": {"pareto": lambda kept, _: pareto.analyse(kept)},
    "talk": {"rfm": lambda kept, _: rfm.analyse(kept), "migration": _moved},
    "leaving": {"churn": lambda kept, _: churn.analyse(kept)},
    "stay": {"cohort": _returned},
    "worth": {"clv": lambda kept, _: clv.analyse(kept, by="tier"), "backtest": _tested},
    "together": {"basket": _paired},
    "returned": {"returns": _sent_back},
}


def _section(
    name: str,
    results: Mapping[str, Result],
    failed: Mapping[str, str],
    wishes: Wishes,
    facts: Mapping[str, Any],
    before: Mapping[str, Any],
) -> Section:
    question = _FOREMOST[name]
    if question in failed:
        title = phrase(_TITLES[name])
        return Section(name, title, phrase("This file cannot tell."), notes=[failed[question]])
    made = SECTIONS[name](results, wishes)
    return made._replace(changes=_changes(_GROUPED.get(name), facts, before))


_TITLES = {
    "changed": "What changed",
    "makers": "Who makes the money",
    "talk": "Who to talk to",
    "leaving": "Who is leaving",
    "stay": "Do newcomers stay",
    "worth": "What customers are worth",
    "together": "What goes together",
    "returned": "What comes back",
    "campaign": "Did the campaign pay",
}
_GROUPED = {"makers": "tier", "talk": "segment", "leaving": "status"}


def _facts(kept: Kept, results: Mapping[str, Result]) -> dict[str, Any]:
    """All facts: the figures of the top, the sizes of groups, and those of every question."""
    figures: dict[str, Any] = {"revenue": kept.audit.money(kept.audit.revenue)}
    if (found := results.get("pareto")) is not None:
        figures |= {"customers": found.facts["customers"], "best_20": found.facts["top_share"]["20%"]}
    if (found := results.get("churn")) is not None:
        figures |= {"late": found.facts["late"], "revenue_at_risk": found.facts["revenue_at_risk"]}
    if (found := results.get("cohort")) is not None:
        figures["return_rate"] = found.facts.get("return_rate")
    if (found := results.get("clv")) is not None and "clv" in found.tables["total"].columns:
        figures["clv"] = found.tables["total"]["clv"][0]
    groups = {
        name: dict(results[question].tables[table].select(name, "customers").iter_rows())
        for name, question, table in (
            ("tier", "pareto", "tiers"),
            ("segment", "rfm", "segments"),
            ("status", "churn", "statuses"),
        )
        if question in results and table in results[question].tables
    }
    headlines = {question: result.headline for question, result in results.items() if result.headline}
    people = {"customers": figures["customers"]} if "customers" in figures else {}
    return {
        "as_of": kept.found.as_of,
        **people,
        "figures": figures,
        "groups": groups,
        "headlines": headlines,
        **{question: dict(result.facts) for question, result in results.items()},
    }


def _earlier(path: str | Path | None) -> Mapping[str, Any]:
    """The facts of an earlier report."""
    if path is None:
        return {}
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"--previous {path}: the earlier report cannot be read ({error}).") from None
    facts = found.get("facts") if isinstance(found, dict) else None
    if not isinstance(facts, dict) or not isinstance(facts.get("figures"), dict):
        raise DataError(
            f"--previous {path} is no account of a report. Make one with crmkit report FILE -o report.html --summary {path}."
        )
    return facts


def _figures(facts: Mapping[str, Any], before: Mapping[str, Any]) -> list[Figure]:
    shown: dict[str, tuple[str, Callable[[Any], str]]] = {
        "revenue": ("revenue", money),
        "customers": ("customers", "{:,}".format),
        "best_20": ("revenue of the best 20%", percent),
        "revenue_at_risk": ("revenue at risk", money),
        "return_rate": ("back after one {period}", percent),
        "clv": ("worth in the next year", money),
    }
    period = label(facts.get("cohort", {}).get("by", "month"))
    return [
        Figure(phrase(name, period=period), form(facts["figures"][key]), _change(key, facts, before))
        for key, (name, form) in shown.items()
        if facts["figures"].get(key) is not None
    ]


def _change(key: str, facts: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    old, new = before.get("figures", {}).get(key), facts["figures"][key]
    if not old or isinstance(old, str):
        return ""
    change = float(new) / float(old) - 1
    sign = "+" if change > 0 else ""
    return phrase("{change} since {day}", change=sign + percent(change), day=before.get("as_of", "?"))


def _changes(group: str | None, facts: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """The groups whose number of customers changed most since the earlier report."""
    old = before.get("groups", {}).get(group)
    new = facts["groups"].get(group)
    if not isinstance(old, dict) or new is None:
        return []
    moved = {name: new.get(name, 0) - old.get(name, 0) for name in {**new, **old}}
    listed = sorted((name for name in moved if moved[name]), key=lambda name: (-abs(moved[name]), name))[
        :_SHOWN
    ]
    return [
        phrase(
            "{group}: {now}, {change} since {day}",
            group=label(name),
            now=counted(new.get(name, 0), "customers"),
            change=f"{moved[name]:+,}",
            day=before.get("as_of", "?"),
        )
        for name in listed
    ]


def _page(
    kept: Kept,
    made: Sequence[Section],
    facts: Mapping[str, Any],
    before: Mapping[str, Any],
    account: Mapping[str, Any],
) -> Page:
    about = context("", {**account, **facts}, kept.audit)
    answer = phrase(
        "{used} of {read} rows are used.", used=f"{account['rows_used']:,}", read=f"{account['rows_read']:,}"
    )
    listed = [*made, sections.rows(account, answer)]
    shown = dict.fromkeys(name for one in listed for table in one.tables for name in table.frame.columns)
    terms = {
        label(name): meaning(name, columns.COLUMNS[name].meaning) for name in shown if name in columns.COLUMNS
    }
    title = phrase("Customers of {name}", name=Path(kept.name).name)
    return Page(title, about, _figures(facts, before), listed, terms)


def _pseudonym(key: bytes, customer: str) -> str:
    return hmac.new(key, customer.encode(), hashlib.sha256).hexdigest()[:_HASH]
