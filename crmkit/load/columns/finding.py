"""Which column plays which role: the user's word, else names propose and values dispose.

All that is missing or open is said in one error, and only of roles without which there is no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import polars as pl

from crmkit.errors import DataError
from crmkit.load.columns import amounts, choice, expression, guesses, names, roles, words
from crmkit.load.columns.candidates import proposed
from crmkit.load.columns.choice import Choice, Doubt
from crmkit.load.columns.look import Look
from crmkit.load.columns.roles import Role, listed

# The order in which roles are looked for: an amount is told by its orders, and a currency by its amount.
_ORDER = ("customer", "date", "order", "amount")
_COUNTED = frozenset({"order"})  # numbers depend on it wherever there is a column for it
_MOST_SHOWN = 6
_SUMS = frozenset({"recency", "frequency", "monetary"})  # names of what is known of customers only
# By what a question may be asked without an option that names the column: what does is that of products.
_ASKED_BY = frozenset({"channel", "group", "store"})
WITHOUT_AMOUNTS = " If purchases have no amounts: --count."
# Words of columns by which amounts differ.
_EXPLAINING = frozenset({"tax", "shipping", "fee", "discount"})


class DoubtError(DataError):
    """Which column plays a role is not settled."""


def assign(
    columns: Sequence[str],
    given: Mapping[str, str | None],
    *,
    needs: frozenset[str],
    wants: frozenset[str],
    file: str,
    look: Look | None = None,
) -> dict[str, Role]:
    """The roles that these columns play.

    `given` holds the user's own words (column names, or formulas for amounts), `look` the first values, without which
    names decide. Every role in `needs` is found or DataError says all that is open; those in `wants` are taken where
    present.
    """
    found: dict[str, Role] = {}
    doubts: list[Doubt] = []
    look = look or Look.of_nothing()
    for name in sorted(sorted(needs | wants), key=_order):
        word = given.get(name)
        if word:
            found[name] = roles.given(name, word, columns, file)
            continue
        taken = _found(name, columns, look, found)
        if isinstance(taken, Role):
            found[name] = taken
        elif name in needs or (name in _COUNTED and len(taken.candidates) > 1):
            doubts.append(taken)
    _refuse_customers(columns, look, found, file)
    if doubts:
        used = {column for role in found.values() for column in role.formula.columns}
        doubts = [guesses.with_guess(doubt, columns, look, used) for doubt in doubts]
        raise doubtful(doubts, columns, look, file)
    _refuse_duplicates(found, columns, file)
    return {name: found[name] for name in sorted(found, key=_shown_order)}


def _shown_order(name: str) -> int:
    order = ("customer", "date", "amount", "order")
    return order.index(name) if name in order else len(order)


def candidates(columns: Sequence[str], open_: frozenset[str] | set[str]) -> list[str]:
    """The columns whose values decide about these roles."""
    if not open_:
        return []
    asked = {*open_, "order"} | ({"quantity", "price"} if "amount" in open_ else set())
    kinds = _EXPLAINING if "amount" in open_ else frozenset[str]()
    return [
        name
        for name in dict.fromkeys(columns)
        if any(names.rank(name, role) >= names.POSSIBLE for role in asked)
        or any(reading & kinds for reading in words.read(name).readings)
    ]


def _order(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _found(name: str, columns: Sequence[str], look: Look, found: Mapping[str, Role]) -> Role | Doubt:
    """What names and values say of one role."""
    if name == "amount":
        taken = amounts.choose(columns, look, partial(_orders, columns, look, found))
    elif name == "currency":
        taken = _currency(columns, look, found)
    else:
        taken = choice.choose(name, columns, look)
    if isinstance(taken, Doubt):
        return taken
    is_formula = taken.column not in columns
    return Role(
        name, expression.parse(taken.column) if is_formula else expression.column(taken.column), taken.why
    )


def _orders(columns: Sequence[str], look: Look, found: Mapping[str, Role]) -> pl.Series | None:
    """To which order each row belongs, also where nobody has asked: by its id, else a customer's rows of one day."""
    taken = choice.choose("order", columns, look)
    if "order" in found:
        parts = [found["order"].formula.columns[0]]
    elif isinstance(taken, Choice):
        parts = [taken.column]
    else:
        parts = [found[role].formula.columns[0] for role in ("customer", "date") if role in found]
        if len(parts) < 2:
            return None
    values = [look[name].values.cast(pl.String, strict=False).alias(name) for name in parts]
    if len({one.len() for one in values}) > 1:
        return None
    return pl.DataFrame(values).select(pl.concat_str(pl.all(), separator="\x1f")).to_series()


def _refuse_customers(columns: Sequence[str], look: Look, found: Mapping[str, Role], file: str) -> None:
    """A table of customers, read as transactions, would give each of them one purchase."""
    if "customer" not in found:
        return
    people = look[found["customer"].formula.columns[0]]
    said = {word: name for name in columns for word in _SUMS & set(words.tokens(name))}
    if len(said) > 1 and people.repeats == 0 and people.present.len() > 1:
        raise DataError(
            f"{file}: each customer has one row, and there are columns called {listed(sorted(said.values()))}: this is a table of "
            "customers, not of transactions. Give the transactions that it was made from."
        )


def _currency(columns: Sequence[str], look: Look, found: Mapping[str, Role]) -> Choice | Doubt:
    """The currency of the amount: of several, the one whose name shares most words with the amount's."""
    candidates = [one.name for one in proposed("currency", columns, look)]
    if not candidates:
        return Doubt("currency")
    amount = found["amount"].formula.columns[0] if "amount" in found else ""
    said = set(words.read(amount).strange)
    best = min(candidates, key=lambda name: len(said ^ set(words.read(name).strange)))
    return Choice(best, f"found by its name, {best!r}")


def _refuse_duplicates(roles: Mapping[str, Role], columns: Sequence[str], file: str) -> None:
    for role in roles.values():
        for column in role.formula.columns:
            if list(columns).count(column) > 1:
                raise DataError(
                    f"{file}: the column {column!r} appears {list(columns).count(column)} times (duplicate), so --{role.name} "
                    "could mean either; rename one of them in the file."
                )


def doubtful(doubts: Sequence[Doubt], columns: Sequence[str], look: Look, file: str) -> DoubtError:
    """All that is open, in one error; its options are the likeliest answers, if there is one to each question."""
    missing = [doubt.role for doubt in doubts if not doubt.candidates]
    parts = [f"{' and '.join(f'no {name} column' for name in missing)} was found"] if missing else []
    parts += [_open(doubt, look) for doubt in doubts if doubt.candidates]
    said = f"{file}: {'; '.join(parts)}; columns found: {listed(columns)}."
    if columns:
        said += f" Say which it is: {' '.join(_option(doubt) for doubt in doubts)}."
    if any(doubt.role == "amount" for doubt in doubts):
        said += " An amount may be a formula: --amount 'quantity * price'."
    if missing:
        said += " Is there a header line? If not, name all columns: --header NAME,NAME,…"
    likely = {
        doubt.role: doubt.guess for doubt in doubts if doubt.guess is not None and doubt.role not in _ASKED_BY
    }
    if look.is_whole and not any(look[name].could_be_money for name in columns) and _lacks_amount(doubts):
        said += WITHOUT_AMOUNTS
        likely["count"] = ""
    return DoubtError(said, options=likely if len(likely) == len(doubts) else {})


def _lacks_amount(doubts: Sequence[Doubt]) -> bool:
    return any(doubt.role == "amount" and not doubt.candidates and doubt.guess is None for doubt in doubts)


def _open(doubt: Doubt, look: Look) -> str:
    shown = [_shown(text, look) for text in doubt.candidates[:_MOST_SHOWN]]
    because = f" ({doubt.because})" if doubt.because else ""
    if len(shown) == 1:
        return f"is {shown[0]} the {doubt.role}?{because}"
    return f"several columns could be the {doubt.role}: {', '.join(shown)}{because}"


def _shown(text: str, look: Look) -> str:
    examples = ", ".join(look[text].examples()) if text in look else ""
    return f"{text[:60]} ({examples})" if examples else text[:60]


def _option(doubt: Doubt) -> str:
    option = "--by product --product" if doubt.role in _ASKED_BY else f"--{doubt.role}"
    if not doubt.candidates:
        return f"{option} COLUMN"
    return " or ".join(f"{option} '{text[:60]}'" for text in doubt.candidates[:2])
