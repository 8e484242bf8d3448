"""Which column of each input plays which role, and whether inputs agree on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from crmkit.load import batches, layouts
from crmkit.load.columns import roles
from crmkit.load.columns.roles import Role
from crmkit.load.find import sources
from crmkit.load.inputs import Input
from crmkit.load.plan import Options
from crmkit.load.values import arrow_types


def all_needs(options: Options, needs: frozenset[str]) -> frozenset[str]:
    """The roles without which there is no answer."""
    dated = options.since is not None or options.as_of is not None
    return needs | ({"status"} if options.exclude_status else set()) | ({"date"} if dated else set())


def cast(
    inputs: Sequence[Input], options: Options, needs: frozenset[str], wants: frozenset[str]
) -> list[dict[str, Role]]:
    """The roles of each input; DataError where one is missing, ambiguous or not the same in all."""
    wants = wants | {"currency"} | {name for name, word in options.columns.items() if word}
    found = [_cast(opened, options, needs, wants) for opened in inputs]
    _refuse_disagreement(inputs, found)
    return found


def open_input(source: sources.Source, options: Options, needs: frozenset[str]) -> Input:
    """A source whose header has been found."""

    def suits(columns: Sequence[str]) -> bool:
        if options.layout != layouts.NONE and layouts.recognised(columns) is not None:
            return True
        try:
            roles.assign(columns, options.columns, needs=needs, wants=frozenset(), file="")
        except Exception:
            return _could_be_header(columns, options, needs)
        return True

    return batches.open_input(
        source,
        encoding=options.encoding,
        delimiter=options.delimiter,
        suits=suits,
        header=options.header,
    )


def _could_be_header(columns: Sequence[str], options: Options, needs: frozenset[str]) -> bool:
    """An ambiguous or doubled header is still the header: the error to come should speak of it."""
    known = [
        any(roles.normalise(column) in line for line in roles.ALIASES[name] for column in columns)
        for name in needs
    ]
    return all(known) and len(columns) > 1


def _cast(opened: Input, options: Options, needs: frozenset[str], wants: frozenset[str]) -> dict[str, Role]:
    if opened.dialect is not None and opened.dialect.note and len(opened.columns) <= 1:
        raise roles.DataError(
            f"{roles.missing_sentence(sorted(needs), opened.columns, opened.name)} Also, {opened.dialect.note}."
        )
    found = _assigned(opened, options, needs, wants)
    for role in found.values():
        for column in role.formula.columns:
            if column in opened.types:
                arrow_types.refuse_misfit(
                    opened.types[column], role=role.name, column=column, file=opened.name
                )
    return found


def _assigned(
    opened: Input, options: Options, needs: frozenset[str], wants: frozenset[str]
) -> dict[str, Role]:
    """The user's word first, then the layout's, then what the names say."""
    typed = {name: word for name, word in options.columns.items() if word}
    proposed = {name: word for name, word in options.proposed.items() if name not in typed}
    found = roles.assign(opened.columns, {**proposed, **typed}, needs=needs, wants=wants, file=opened.name)
    if options.read_as is None:
        return found
    why = f"as in {options.read_as.name}"
    return {name: replace(role, why=why) if name in proposed else role for name, role in found.items()}


def _refuse_disagreement(inputs: Sequence[Input], cast: Sequence[dict[str, Role]]) -> None:
    for opened, roles_here in zip(inputs[1:], cast[1:], strict=True):
        if set(roles_here) != set(cast[0]):
            odd = ", ".join(sorted(set(roles_here) ^ set(cast[0])))
            raise roles.DataError(
                f"{opened.name}: its columns differ from those of {inputs[0].name} ({odd} is in one of them only); "
                "the files cannot be read together."
            )
        for name, role in roles_here.items():
            if role.formula.tree != cast[0][name].formula.tree:
                raise roles.DataError(
                    f"{opened.name}: its {name} is made of other columns than in {inputs[0].name}."
                )
