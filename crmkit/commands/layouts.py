"""`crmkit layouts`: the exports that are known by their header."""

from __future__ import annotations

from typing import Annotated

from typer import Argument

from crmkit.errors import UsageError
from crmkit.session.options import Shared
from crmkit.session.run import Session

_NAME = Argument(
    help="Print the file of this layout, to make one of your own from.", metavar="NAME", show_default=False
)


def layouts(common: Shared, name: Annotated[str | None, _NAME] = None) -> None:
    """List the exports that are known by their header, and what they are read by; or show one of them.

    A layout is a small TOML file; `crmkit check FILE --save-layout shop.toml` makes one of your own, and
    --layout shop.toml reads by it.

    Example: crmkit layouts shopify-orders
    """
    from crmkit.load.layouts import known, saving

    with Session("layouts", common) as session:
        if name is None:
            session.finish(saving.listing())
            return
        if common.format != "table" or common.output is not None:
            raise UsageError(
                f"The layout {name!r} is printed as its file is, so --format and --output change nothing. Leave them out."
            )
        print(known.source(name), end="")
