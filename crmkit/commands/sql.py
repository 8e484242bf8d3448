"""`crmkit sql`: the customers table made where the data lie."""

from __future__ import annotations

from typing import Annotated

from typer import Argument, Option

from crmkit.parse import choice, day


def sql(
    what: Annotated[str, Argument(help="What to make: customers.", metavar="customers", show_default=False)],
    dialect: Annotated[str, Option(help="postgres, duckdb, bigquery, snowflake or spark.", metavar="NAME", show_default=False)],
    table: Annotated[str, Option(help="The table of transactions, such as shop.sales.", metavar="NAME", show_default=False)],
    customer: Annotated[str, Option(help="Column with the customer's id.", metavar="COLUMN")] = "customer_id",
    date: Annotated[str, Option(help="Column with the date of the transaction.", metavar="COLUMN")] = "order_date",
    amount: Annotated[str, Option(help="Column with the amount.", metavar="COLUMN")] = "amount",
    order: Annotated[str | None, Option(help="Column with the order id; without one, a customer's day is an order.", metavar="COLUMN")] = None,
    cost: Annotated[str | None, Option(help="Column with the cost of the row.", metavar="COLUMN")] = None,
    refunds: Annotated[str, Option(help="net: refunds lower revenue; ignore: skip them.", metavar="RULE")] = "net",
    since: Annotated[str | None, Option(help="Skip rows before this day.", metavar="DATE")] = None,
    as_of: Annotated[str | None, Option(help="Look from this day; later rows are skipped. Default: the latest date.", metavar="DATE")] = None,
    output: Annotated[str, Option("--output", "-o", help="Write the query to FILE; - is standard output.", metavar="FILE")] = "-",
) -> None:  # fmt: skip
    """Print the query that makes the customers table in a database or a warehouse; other commands read its result.

    Example: crmkit sql customers --dialect duckdb --table sales --order order_id
    """
    from crmkit.load.customers import query
    from crmkit.output.files import write
    from crmkit.session.progress import say_written

    choice("sql", what, ("customers",))
    columns = {"customer": customer, "date": date, "amount": amount, "order": order, "cost": cost}
    found = query.text(
        table,
        {role: column for role, column in columns.items() if column is not None},
        dialect,
        refunds=refunds,
        since=day("--since", since),
        as_of=day("--as-of", as_of),
    )
    write(output, lambda stream: stream.write(found.encode()))
    say_written(output)
