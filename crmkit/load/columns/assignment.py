"""Which column of each input plays which role, and whether inputs agree on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import polars as pl

from crmkit.errors import DataError
from crmkit.load import batches, layouts, statuses
from crmkit.load.columns import finding, names
from crmkit.load.columns.choice import Doubt
from crmkit.load.columns.look import ROWS, Look
from crmkit.load.columns.roles import NUMERIC, Role, match
from crmkit.load.customers import layout
from crmkit.load.find import sources
from crmkit.load.inputs import Input, StreamFlags
from crmkit.load.plan import Options
from crmkit.load.values import arrow_types

_MOST_COLUMNS = 1_000  # that are all looked at
_OF_MONEY = frozenset({"amount", "cost", "price", "refunded", "currency"})
_MOST_PEEKS = 5  # files may have a header and no rows
# Roles of a layout that are read only where a command asks for them.
_ASKED_FOR = frozenset(
    {"customer", "date", "amount", "order", "product", "cost", "store", "channel", "group"}
)


def all_needs(options: Options, needs: frozenset[str]) -> frozenset[str]:
    """The roles without which there is no answer."""
    dated = options.since is not None or options.as_of is not None
    return (
        (needs - _OF_MONEY if options.count else needs)
        | ({"status"} if options.exclude_status or options.refund_status else set())
        | ({"date"} if dated else set())
    )


# The first rows of these columns of an input.
Peek = Callable[[Input, Sequence[str]], pl.DataFrame]


def peek(opened: Input, columns: Sequence[str]) -> pl.DataFrame:
    """The first rows of a file on this machine; what is odd about them is for the pass to say."""
    wanted = [name for name in dict.fromkeys(columns) if name in opened.plain]
    frames = list(batches.read(opened, wanted, StreamFlags(lenient=True), ROWS)) if wanted else []
    return pl.concat(frames).head(ROWS).select(wanted) if frames else pl.DataFrame()


def assign_roles(
    inputs: Sequence[Input],
    options: Options,
    needs: frozenset[str],
    wants: frozenset[str],
    peek: Peek = peek,
) -> list[dict[str, Role]]:
    """The roles of each input; DataError where one is missing, ambiguous or not the same in all.

    Inputs of the same columns have the same roles: those that the first one with rows has.
    """
    layout.refuse(inputs[0].columns, options, inputs[0].name)
    typed = {name for name, word in options.columns.items() if word}
    proposed = {name for name in options.proposed if name not in _ASKED_FOR}
    wants = wants | {"currency", statuses.ROLE} | typed | proposed
    if options.count:
        wants -= _OF_MONEY
        options = replace(
            options, proposed={name: word for name, word in options.proposed.items() if name not in _OF_MONEY}
        )
    known: dict[tuple[str, ...], dict[str, Role]] = {}
    for opened in inputs:
        if opened.columns not in known:
            alike = [other for other in inputs if other.columns == opened.columns]
            known[opened.columns] = _cast(alike, options, needs, wants, peek)
    found = _without_odd_statuses(inputs, [known[one.columns] for one in inputs], needs | typed)
    _refuse_disagreement(inputs, found)
    return found


def _without_odd_statuses(
    inputs: Sequence[Input], assign_roles: list[dict[str, Role]], asked: frozenset[str] | set[str]
) -> list[dict[str, Role]]:
    """A status nobody asked for is read where all inputs have one that is made of words."""
    role = statuses.ROLE
    fits = all(
        role in roles and _has_words(opened, roles[role])
        for opened, roles in zip(inputs, assign_roles, strict=True)
    )
    if fits or role in asked:
        return assign_roles
    return [{name: one for name, one in roles.items() if name != role} for roles in assign_roles]


def _has_words(opened: Input, role: Role) -> bool:
    kinds = [opened.types[column] for column in role.formula.columns if column in opened.types]
    return all(arrow_types.fits(kind, role.name) for kind in kinds)


def _looked_at(alike: Sequence[Input], columns: Sequence[str], peek: Peek, *, is_whole: bool = False) -> Look:
    """The first values of what could play a role, from the first of some inputs that has rows."""
    for opened in alike[:_MOST_PEEKS]:
        frame = peek(opened, columns)
        if frame.height:
            return Look(frame, is_whole=is_whole)
    return Look.of_nothing()


def cast_with_orders(
    inputs: Sequence[Input],
    options: Options,
    needs: frozenset[str],
    wants: frozenset[str],
    peek: Peek = peek,
) -> list[dict[str, Role]]:
    """The same with the order ids, which tell what lines are; where two columns could be them, without."""
    try:
        return assign_roles(inputs, options, needs, wants | {"order"}, peek)
    except DataError:
        if "order" in wants:
            raise
        return assign_roles(inputs, options, needs, wants, peek)


def open_input(source: sources.Source, options: Options, needs: frozenset[str]) -> Input:
    """A source whose header has been found."""

    def suits(columns: Sequence[str]) -> bool:
        if options.layout != layouts.NONE and layouts.recognised(columns) is not None:
            return True
        return len(columns) > 1 and all(_is_known(role, columns, options) for role in needs)

    return batches.open_input(
        source,
        encoding=options.encoding,
        delimiter=options.delimiter,
        suits=suits,
        header=options.header,
    )


def _is_known(role: str, columns: Sequence[str], options: Options) -> bool:
    """Whether a column is named for a role, by the user or by its own name."""
    word = options.columns.get(role)
    if word:
        return match(word, columns) is not None or role in NUMERIC
    kinds = ("amount", "price") if role == "amount" else (role,)
    return any(names.rank(column, kind) >= names.SURE for kind in kinds for column in columns)


def _cast(
    alike: Sequence[Input], options: Options, needs: frozenset[str], wants: frozenset[str], peek: Peek
) -> dict[str, Role]:
    """The roles of inputs of the same columns: the user's word first, then the layout's, then what names and values say."""
    opened = alike[0]
    if opened.dialect is not None and opened.dialect.note and len(opened.columns) <= 1:
        doubts = [Doubt(role) for role in sorted(needs)]
        error = finding.doubtful(doubts, opened.columns, Look.of_nothing(), opened.name)
        raise DataError(f"{error} Also, {opened.dialect.note}.")
    typed = {name: word for name, word in options.columns.items() if word}
    proposed = {name: word for name, word in options.proposed.items() if name not in typed}
    open_ = (needs | wants) - set(typed) - set(proposed)
    look = _looked_at(alike, [*finding.candidates(opened.columns, open_), *proposed.values()], peek)
    proposed = {name: word for name, word in proposed.items() if not look.is_blank(word)}
    find = partial(
        finding.assign, opened.columns, {**proposed, **typed}, needs=needs, wants=wants, file=opened.name
    )
    try:
        found = find(look=look)
    except finding.DoubtError:  # columns whose names say nothing may have values that do
        found = find(look=_looked_at(alike, opened.columns[:_MOST_COLUMNS], peek, is_whole=True))
    for role in found.values():
        if role.name != statuses.ROLE or statuses.ROLE in needs or options.columns.get(statuses.ROLE):
            _refuse_misfits(role, opened)
    if options.read_as is None:
        return found
    why = f"as in {options.read_as.name}"
    return {name: role._replace(why=why) if name in proposed else role for name, role in found.items()}


def _refuse_misfits(role: Role, opened: Input) -> None:
    for column in role.formula.columns:
        if column in opened.types:
            arrow_types.refuse_misfit(opened.types[column], role=role.name, column=column, file=opened.name)


def _refuse_disagreement(inputs: Sequence[Input], assign_roles: Sequence[dict[str, Role]]) -> None:
    for opened, roles_here in zip(inputs[1:], assign_roles[1:], strict=True):
        if set(roles_here) != set(assign_roles[0]):
            odd = ", ".join(sorted(set(roles_here) ^ set(assign_roles[0])))
            raise DataError(
                f"{opened.name}: its columns differ from those of {inputs[0].name} ({odd} is in one of them only); "
                "the files cannot be read together."
            )
        for name, role in roles_here.items():
            if role.formula.tree != assign_roles[0][name].formula.tree:
                raise DataError(
                    f"{opened.name}: its {name} is made of other columns than in {inputs[0].name}."
                )
