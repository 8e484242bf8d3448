"""`crmkit basket`: what goes together."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from crmkit.session.options import Shared
from crmkit.session.run import Session


def basket(
    common: Shared,
    unit: Annotated[str, typer.Option(help="What holds products together: order or customer.", metavar="NAME")] = "order",
    level: Annotated[str | None, typer.Option(help="Column that takes the place of the product, such as a category.", metavar="COLUMN")] = None,
    min_orders: Annotated[str | None, typer.Option(help="Products in so many orders take part; default 0.1%, at least 5.", metavar="N|P%", show_default=False)] = None,
    fdr: Annotated[str, typer.Option(help="Part of the pairs found that may be false.", metavar="P%")] = "5%",
    target: Annotated[str | None, typer.Option(help="Pairs with this product only.", metavar="PRODUCT")] = None,
    substitutes: Annotated[bool, typer.Option("--substitutes", help="Pairs that are rarer than chance instead.")] = False,
    by: Annotated[str | None, typer.Option(help="month: compare with chance within each month, where there are seasons.", metavar="NAME")] = None,
    exclude_product: Annotated[list[str] | None, typer.Option(help="A product that is none, such as POSTAGE (may be repeated).", metavar="PRODUCT")] = None,
    max_basket: Annotated[int, typer.Option(help="Larger orders count for their products, not for pairs.", metavar="N")] = 500,
    max_items: Annotated[int, typer.Option(help="3 and more: rules of so many products that say more than their simpler ones.", metavar="N")] = 2,
    evaluate: Annotated[str | None, typer.Option(help="With --table holdings or customers: look from this day, and see what came after.", metavar="DATE")] = None,
    within: Annotated[str | None, typer.Option(help="With --table next: the other product follows within this time, such as 90d.", metavar="TIME")] = None,
) -> None:  # fmt: skip
    """Find the products that are bought together more often than the sizes of orders explain.

    Example: crmkit basket sales.parquet --exclude-product POSTAGE
    """
    from crmkit import basket as analysis

    asked = common.table or ("customers" if common.output else None)
    if asked == "customers" and evaluate is not None:
        common = replace(common, table=None)  # the answer is a table of methods
    with Session("basket", common) as session:
        result = analysis.analyse(
            session.data(),
            unit=unit,
            level=level,
            min_orders=min_orders,
            fdr=fdr,
            max_basket=max_basket,
            substitutes=substitutes,
            target=target,
            by=by,
            exclude=exclude_product or (),
            max_items=max_items,
            table=asked,
            evaluate=evaluate,
            within=within,
        )
        session.finish(result)
