"""Columns whose words decide what a row is: a sale, no sale, or money back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

ROLE = "status"
MANY = 60  # different words: beyond so many a column is no status
# Words that exports use for what is no sale, or not yet one; `*` stands for anything.
SUSPECTS = (
    "*cancel*", "fail*", "*refund*", "void*", "pending*", "unpaid", "declined", "denied", "rejected", "expired", "abandoned",
    "draft", "*returned", "chargeback*", "*charged back", "reversed", "incomplete", "awaiting payment*", "disputed", "trash",
    "quote", "quotation*", "closed lost", "lost", "uncaptured", "requires_*", "blocked", "error", "deleted",
    "*取消*", "*关闭*", "*退款*", "*待付款*", "*未付款*", "*未支付*", "*退货*", "*失败*", "*無効*", "*キャンセル*",
    "*返品*", "*返金*", "*취소*",
    "*환불*", "*반품*", "annul*", "rembours*", "échou*", "en attente*", "storniert", "fehlgeschlagen", "erstattet", "ausstehend",
    "devuelto", "reembols*", "fallid*", "rechazad*", "devolvid*", "estornad*", "recusad*", "não pago", "annullat*",
    "rimborsat*", "fallit*", "anulowan*", "zwrócon*", "отмен*", "возвра*", "iptal*", "iade*", "đã hủy", "*hoàn tiền*", "batal*",
    "dibatalkan", "*ยกเลิก*", "ملغ*",
)  # fmt: skip


class StatusRule(NamedTuple):
    """A column whose words say what becomes of a row; words may hold `*`, and case does not matter.

    `no_sale` rows are skipped, and so is every word but those of `sale` where it names any; `refund` rows
    count as money back.
    """

    column: tuple[str, ...] = ()
    no_sale: tuple[str, ...] = ()
    sale: tuple[str, ...] = ()
    refund: tuple[str, ...] = ()

    @property
    def decides(self) -> bool:
        """Whether it has any words."""
        return bool(self.no_sale or self.sale or self.refund)

    def kind(self, word: str) -> str:
        """What a row with this word is: `sale`, `no sale` or `refund`."""
        if matches(self.refund, word):
            return "refund"
        if matches(self.no_sale, word) or (self.sale and not matches(self.sale, word)):
            return "no sale"
        return "sale"


@lru_cache(1 << 12)
def folded(word: str) -> str:
    """A word as statuses are compared: `On-Hold` is `on hold`, `canceled` is `cancelled`."""
    plain = re.sub(r"[\s_-]+", " ", word.strip().casefold())
    return plain.replace("cancelled", "canceled").replace("cancellation", "cancelation")


def matches(words: Iterable[str], value: str) -> bool:
    """Whether a value is one of these words, which may hold `*` and `?`."""
    return any(fnmatchcase(folded(value), folded(word)) for word in words)


def roles(number: int) -> list[str]:
    """The names of the roles that so many status columns play."""
    return [ROLE, *(f"{ROLE} {place + 2}" for place in range(number - 1))][:number]


def rules(typed: StatusRule, known: Sequence[StatusRule]) -> tuple[StatusRule, ...]:
    """The user's words before the layout's: they replace those of the same column."""
    if typed.column:
        return (typed, *(rule for rule in known if rule.column != typed.column))
    if not known:
        return (typed,)
    first = known[0]
    if typed.decides:
        first = StatusRule(first.column, typed.no_sale, (), typed.refund)
    return (first, *known[1:])


Counts = Mapping[tuple[str, str], Sequence[int]]


def notes(
    column: str,
    rule: StatusRule,
    typed: Sequence[str],
    counted: Mapping[str, Sequence[int]],
    money: Iterable[str],
) -> list[str]:
    """What to say of a status column: which words are counted as what, and words of the user's that no row has."""
    amounts = dict(zip(counted, money, strict=True))
    by_size = sorted(counted, key=lambda word: (-counted[word][0], word))
    said = []
    missing = [word for word in typed if not any(matches([word], one) for one in counted)]
    if missing:
        said.append(
            f"no row has the {column} {', '.join(map(repr, missing))}; there are {_listed(by_size, amounts)}"
        )
    kinds = {word: rule.kind(word) if word else "sale" for word in by_size}
    aside = [word for word in by_size if kinds[word] != "sale"]
    if aside:
        shown = [
            f"{word!r} ({_rows(counted[word][0])}, {amounts[word]}) is {_MEANS[kinds[word]]}"
            for word in aside[:8]
        ]
        more = f", and {len(aside) - 8} more" if len(aside) > 8 else ""
        said.append(f"{column}: {', '.join(shown)}{more}")
    suspects = [word for word in by_size if kinds[word] == "sale" and word and matches(SUSPECTS, word)]
    if suspects:
        words = ",".join({folded(word): word.strip().lower() for word in suspects[:8]}.values())
        said.append(
            f"{column} is a status column: {_listed(by_size, amounts)} are all counted; "
            f"leave some out with --exclude-status {_typed(words)}"
        )
    elif not aside and len([word for word in by_size if word]) > 1:
        said.append(
            f"{column}: {_listed(by_size, amounts)} are all counted; --exclude-status leaves some out"
        )
    return said


_MEANS = {"no sale": "no sale and was skipped", "refund": "money back"}


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _typed(words: str) -> str:
    return f"'{words}'" if re.search(r"[^\w,]", words) else words


def _listed(words: Sequence[str], amounts: Mapping[str, str], most: int = 8) -> str:
    shown = ", ".join(f"{word or '(blank)'} {amounts[word]}" for word in words[:most])
    return shown + (f" and {len(words) - most} more" if len(words) > most else "")
