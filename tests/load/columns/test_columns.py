"""Ids as they are, columns by their names: what is kept apart, what is blank, and which column plays which role."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from crmkit.errors import DataError, UsageError
from crmkit.load.columns import finding, names, roles
from crmkit.load.columns import words as vocabulary
from tests.load.running import check, refused, run
from tests.load.sales import HEADER, SALES, account, put, text, without

Rename = Callable[[int], str]


def renamed(rename: Rename) -> str:
    """The sales with the id that `rename` makes of their place."""
    names = [rename(place) for place in range(len(SALES))]
    return text([sale._replace(customer=name) for sale, name in zip(SALES, names, strict=True)])


def ids(path: Path, *options: str) -> list[str]:
    done = run("customers", path, "--table", "customers", "--format", "ndjson", *options)
    assert done.status == 0, done.err
    return [line.split('"')[3] for line in done.out.splitlines()]


@pytest.mark.parametrize(
    "names",
    [
        ["00123", "123"],
        ["90071992547409931", "90071992547409933"],
        ["9" * 30 + "1", "9" * 30 + "2"],
        ["true", "false"],
        ["TRUE", "True"],
        ["2024-01-01", "2024-01-02"],
        ["100.5", "100.25"],
        ["1.0.0", "1.0.1"],
        ["v1.0", "101.0"],
        ["1e5", "100000"],
        ["1,234", "1234"],
        ["+101", "101"],
        ["=cmd|' /C calc'!A0", "@SUM(1)"],
        ["[red]a", "[/red]b"],
        ["'; DROP TABLE t;--", "../../etc/passwd"],
        ["__proto__", "{0}%s${HOME}`id`"],
        ["a\\b", "a/b"],
        ["C-101 ", "C-102"],
        ["N", "Nan"],
        ["0", "-1"],
    ],
)
def test_ids_stay_as_they_are(tmp_path: Path, names: list[str]) -> None:
    path = put(tmp_path / "sales.csv", renamed(lambda place: names[place % len(names)]))
    assert check(path).account[:4] == (30, 0, account()[2], len(names))
    if not any(char in "".join(names) for char in "\\"):
        assert ids(path) == sorted(name.strip() for name in names)


@pytest.mark.parametrize("pad", [" {} ", "\t{}", "{}\u00a0", "\u3000{}", "{}\r\n"])
def test_blank_space_around_ids_is_trimmed_and_said(tmp_path: Path, pad: str) -> None:
    path = put(tmp_path / "sales.csv", text(customer=lambda name: pad.format(name) if name < "K20" else name))
    done = check(path)
    assert done.account == account()
    assert "blank space around" in done.err


@pytest.mark.parametrize(
    ("rename", "said"),
    [
        (lambda place: f"{12340 + place % 5}.0", True),
        (lambda place: f"{12340 + place % 5}.00", True),
        (lambda place: f"{12340 + place % 5}" + (".0" if place % 3 else ""), True),
        (lambda place: f"{9007199254740993 + place % 5}.0", True),
        (lambda place: f"{12340 + place % 5}", False),
    ],
)
def test_whole_numbers_that_became_floats(tmp_path: Path, rename: Rename, said: bool) -> None:
    path = put(tmp_path / "sales.csv", renamed(rename))
    assert ("the .0 was dropped" in check(path).err) == said
    assert ids(path) == sorted({rename(place).partition(".")[0] for place in range(30)})


@pytest.mark.parametrize("odd", ["", "nan", "NULL"])
def test_floats_with_gaps(tmp_path: Path, odd: str) -> None:
    path = put(tmp_path / "sales.csv", renamed(lambda place: odd if place == 7 else f"{100 + place % 5}.0"))
    assert check(path).account[:2] == (29, 1)
    assert ids(path) == ["100", "101", "102", "103", "104"]


BLANK = [
    "",
    " ",
    "\t",
    "\u00a0",
    "NULL",
    "null",
    "N/A",
    "n/a",
    "NA",
    "#N/A",
    "nan",
    "NaN",
    "None",
    "none",
    "<NA>",
    "-",
    "--",
    "\\N",
]


@pytest.mark.parametrize("word", BLANK)
def test_words_for_no_customer(tmp_path: Path, word: str) -> None:
    done = check(
        put(tmp_path / "sales.csv", renamed(lambda place: word if place == 3 else SALES[place].customer))
    )
    assert done.account == account(without(3), rejected=1)
    assert f"revenue without customer id: {SALES[3].amount}" in done.err


def test_nobody_has_an_id(tmp_path: Path) -> None:
    refused(
        check(put(tmp_path / "sales.csv", text(customer=lambda name: ""))),
        "no customer id",
        "no row can be used",
    )


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["A101", "А101"], "look alike"),
        (["C101", "c101"], "look alike"),
        (["C101", "\u200bC101"], "look alike"),
        (["Café", "Cafe\u0301"], "look alike"),
        (["Ａ１", "A1"], "look alike"),
        (["guest", "C1"], "probably nobody"),
        (["undefined", "C1"], "probably nobody"),
        (["=1+1", "C1"], "spreadsheet formula"),
    ],
)
def test_ids_that_a_person_should_look_at(tmp_path: Path, names: list[str], word: str) -> None:
    done = check(put(tmp_path / "sales.csv", renamed(lambda place: names[place % 2])))
    assert done.account[3] == 2
    assert word in done.err


@pytest.mark.parametrize(
    "name", ["\x1b[2J\x1b[H", "\x1b]0;owned\x07", "\x9b31m", "a\x08\x08b", "\u202eC1\u2066", "a\rb", "a\nb"]
)
def test_nothing_in_an_id_reaches_the_terminal(tmp_path: Path, name: str) -> None:
    path = put(tmp_path / "sales.csv", renamed(lambda place: SALES[place].customer if place % 5 else name))
    for words in (
        ["check", path],
        ["customers", path, "--table", "customers"],
        ["rfm", path, "--table", "customers"],
    ):
        done = run(*words)
        assert done.status == 0, done.err
        assert all(char.isprintable() or char == "\n" for char in done.out + done.err)


@pytest.mark.parametrize("length", [60_000, 1_000_000])
def test_long_ids(tmp_path: Path, length: int) -> None:
    path = put(tmp_path / "sales.csv", renamed(lambda place: "K" * length if place == 3 else "x"))
    assert check(path).account[3] == 2


@pytest.mark.parametrize(
    "header",
    [
        ("customer_id", "order_id", "order_date", "amount"),
        (" Customer ID ", "Order No.", "ORDER DATE", "Amount "),
        ("customer\u00a0id", "order_id", "order_date", "amount\u200b"),
        ("ｃｕｓｔｏｍｅｒ＿ｉｄ", "order_id", "order_date", "amount"),
        ("customerId", "orderId", "orderDate", "totalAmount"),
        ("Customer.ID", "Invoice", "InvoiceDate", "Revenue"),
        ("客户编号", "订单号", "订单日期", "金额"),
        ("会员ID", "订单编号", "下单时间", "实付金额"),
        ("买家会员名", "主订单编号", "订单付款时间", "买家实际支付金额"),
        ("#customer", "order_id", "date", "amount"),
        ("email", "order", "created_at", "total"),
    ],
)
def test_names_that_are_known(tmp_path: Path, header: Sequence[str]) -> None:
    assert check(put(tmp_path / "sales.csv", text(header=header))).account == account()


@pytest.mark.parametrize(
    ("header", "more", "options"),
    [
        (("a", "b", "c", "d"), [], ["--customer", "a", "--date", "c", "--amount", "d"]),
        (("1", "2", "3", "4"), [], ["--customer", "1", "--date", "3", "--amount", "4"]),
        (
            ("Kunde", "Nr", "Datum", "Betrag"),
            [],
            ["--customer", "kunde", "--date", "DATUM", "--amount", "betrag"],
        ),
        ((*HEADER, "note", "note"), ["x", "y"], []),
        ((*HEADER, ""), ["x"], []),
        ((*HEADER, "\x1b[2J[/red]=cmd"), ["x"], []),
        ((*HEADER, "x" * 70_000), ["x"], []),
        ((*HEADER, "price", "quantity"), ["9", "9"], []),
        (("customer", "order_id", "date", "Total (EUR)"), [], ["--amount", "Total (EUR)"]),
        (("customer", "order_id", "date", "a-b"), [], ["--amount", "a-b"]),
    ],
)
def test_names_that_the_user_gives_and_names_that_nobody_needs(
    tmp_path: Path, header: Sequence[str], more: list[str], options: list[str]
) -> None:
    path = put(tmp_path / "sales.csv", text(header=header, more=lambda place: more))
    assert check(path, *options).account == account()


@pytest.mark.parametrize(
    ("header", "more", "options", "words"),
    [
        (
            ("x", "order_id", "date", "amount"),
            [],
            [],
            ["no customer column", "columns found: x, order_id", "--customer COLUMN"],
        ),
        (("customer", "order_id", "date", "x"), [], [], ["no amount column", "--amount"]),
        (None, [], [], ["column was found", "Is there a header line?"]),
        ((*HEADER, "amount"), ["1"], [], ["'amount' appears 2 times"]),
        ((*HEADER, "customer"), ["1"], [], ["'customer' appears 2 times"]),
        (("customer", "price", "date", "qty"), [], [], ["column qty * price", "bad amount"]),
        (HEADER, [], ["--customer", "custmer"], ["'custmer', which is not there", "Did you mean 'customer'"]),
        (HEADER, [], ["--amount", "amount * rate"], ["'rate', which is not there"]),
        (HEADER, [], ["--order", "nope"], ["'nope', which is not there"]),
        (HEADER, [], ["--customer", "date * 2"], ["which is not there"]),
        ((*HEADER, "extra"), [], [], ["30 wrong field count", "4 fields, 5 expected"]),
    ],
)
def test_columns_that_cannot_be_told(
    tmp_path: Path, header: Sequence[str] | None, more: list[str], options: list[str], words: list[str]
) -> None:
    path = put(tmp_path / "sales.csv", text(header=header, more=lambda place: more))
    refused(check(path, *options), "sales.csv", *words)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Customer_ID", "C{}", ["several columns could be the customer", "--customer 'Customer_ID'"]),
        ("invoice_date", "2024-02-{:02}", ["several columns could be the date"]),
        ("order_no", "{}", ["several columns could be the order", "--order 'order_no'"]),
        ("Total Amount", "{}.50", ["several columns could be the amount", "--amount 'Total Amount'"]),
    ],
)
def test_two_columns_that_are_equally_good(tmp_path: Path, name: str, value: str, words: list[str]) -> None:
    more = [[value.format(1 + place % 4)] for place in range(30)]
    path = put(tmp_path / "sales.csv", text(header=(*HEADER, name), more=lambda place: more[place]))
    refused(check(path), "sales.csv", *words)


@pytest.mark.parametrize(
    ("name", "value"), [("Customer_ID", "1"), ("invoice_date", "1"), ("order_no", "1"), ("payment", "Cash")]
)
def test_what_its_values_rule_out_is_no_candidate(tmp_path: Path, name: str, value: str) -> None:
    path = put(tmp_path / "sales.csv", text(header=(*HEADER, name), more=lambda place: [value]))
    assert check(path).account == account()


@pytest.mark.parametrize(
    "option",
    ["--customer", "--date", "--amount", "--order", "--encoding", "--delimiter", "--currency", "--as-of"],
)
def test_an_empty_option_is_no_option(tmp_path: Path, option: str) -> None:
    done = run("check", put(tmp_path / "sales.csv", text()), option, "")
    assert (done.status, done.out) == (2, "")
    assert option in done.err


CURRENCIES = [
    (["EUR"], [], 30, None),
    (["EUR", "eur "], [], 30, None),
    (["EUR", ""], [], 30, "15 rows name no currency; they were taken as EUR"),
    (["EUR", "USD"], ["--currency", "EUR"], 15, "15 other currency (skipped)"),
    (["EUR", "usd "], ["--currency", "usd"], 15, None),
    (["EUR", ""], ["--currency", "EUR"], 15, None),
]


@pytest.mark.parametrize(("codes", "options", "used", "said"), CURRENCIES)
def test_a_column_of_currencies(
    tmp_path: Path, codes: list[str], options: list[str], used: int, said: str | None
) -> None:
    path = put(
        tmp_path / "sales.csv",
        text(header=(*HEADER, "currency"), more=lambda place: [codes[place % len(codes)]]),
    )
    done = check(path, *options)
    assert done.facts["rows_used"] == used
    assert said is None or said in done.err


def test_several_currencies_do_not_add_up(tmp_path: Path) -> None:
    path = put(
        tmp_path / "sales.csv",
        text(header=(*HEADER, "currency"), more=lambda place: ["EUR" if place % 2 else "USD"]),
    )
    refused(check(path), "2 currencies (EUR, USD)", "--currency EUR")
    refused(check(path, "--currency", "GBP"), "other currency")
    refused(check(put(tmp_path / "plain.csv", text()), "--currency", "GBP"), "no column of currencies")
    assert (
        check(
            put(tmp_path / "pounds.csv", text(amount=lambda amount: f"£{amount}")), "--currency", "GBP"
        ).account
        == account()
    )


class TestRoles:
    """What names say where there are no values."""

    @pytest.mark.parametrize("role", names.roles())
    def test_every_name_of_the_table_is_found(self, role: str) -> None:
        for rank, phrases in vocabulary.table()["roles"][role].items():
            for phrase in phrases if rank.isdigit() else ():
                meanings = frozenset(phrase.split())
                assert meanings <= set(vocabulary.table()["words"]), phrase

    @pytest.mark.parametrize(
        ("column", "role", "least"),
        [
            ("trans_date", "date", 90),
            ("TransactionAmount (INR)", "amount", 90),
            ("Created date (UTC)", "date", 80),
            ("Order Total (inc tax)", "amount", 80),
            ("custid", "customer", 90),
            ("Username (Buyer)", "customer", 80),
            ("qty_ordered", "quantity", 90),
            ("訂單編號", "order", 90),
            ("會員編號", "customer", 90),
            ("买家实际支付金额", "amount", 90),
            ("顧客ID", "customer", 90),
            ("注文日時", "date", 90),
            ("결제금액", "amount", 90),
            ("고객번호", "customer", 90),
            ("Bestelldatum", "date", 90),
            ("Kundennummer", "customer", 90),
            ("Montant TTC", "amount", 80),
            ("Numéro de commande", "order", 90),
            ("Ngày đặt hàng", "date", 90),
            ("Ma khach hang", "customer", 90),
            ("วันที่สั่งซื้อ", "date", 90),
            ("رقم الطلب", "order", 90),
            ("Дата заказа", "date", 90),
            ("Sipariş Tarihi", "date", 90),
            ("Total Pembayaran", "amount", 90),
            ("Data zamówienia", "date", 90),
            ("Valor total do pedido", "amount", 90),
            ("ID Cliente", "customer", 90),
            ("Importe", "amount", 90),
        ],
    )
    def test_names_of_all_languages(self, column: str, role: str, least: int) -> None:
        assert names.rank(column, role) >= least
        assert names.rank(column, role) == max(names.rank(column, other) for other in names.roles())

    @pytest.mark.parametrize(
        ("column", "role"),
        [
            ("candidate", "date"),
            ("Customer Since", "customer"),
            ("Ship Date", "date"),
            ("Total Tax", "amount"),
            ("Amount Refunded", "amount"),
            ("Payment Method", "amount"),
            ("Seller ID", "customer"),
            ("Order Status", "order"),
            ("birth_date", "date"),
            ("unit_price", "amount"),
        ],
    )
    def test_names_of_something_else(self, column: str, role: str) -> None:
        assert names.rank(column, role) < names.POSSIBLE

    def test_names_are_cut_in_linear_time(self) -> None:
        assert names.rank("date" * 1000, "date") == 0

    def assigned(self, *columns: str, needs: Sequence[str] = (), wants: Sequence[str] = ()) -> dict[str, str]:
        found = finding.assign(columns, {}, needs=frozenset(needs), wants=frozenset(wants), file="f.csv")
        return {name: role.formula.text for name, role in found.items()}

    def test_quantity_times_price_only_without_an_amount(self) -> None:
        assert self.assigned("qty", "price", needs=["amount"]) == {"amount": "qty * price"}
        assert self.assigned("qty", "price", "amount", needs=["amount"]) == {"amount": "amount"}

    def test_an_ambiguous_role_that_is_only_wanted_is_left_out_unless_numbers_depend_on_it(self) -> None:
        columns = ["sku", "product_id", "order_id", "order_no"]
        assert self.assigned(*columns, wants=["product"]) == {}
        with pytest.raises(DataError, match="several columns could be the order"):
            self.assigned(*columns, wants=["order"])

    def test_all_that_is_open_is_said_at_once(self) -> None:
        with pytest.raises(DataError) as caught:
            self.assigned(
                "order_id", "user_id", "order_number", needs=["customer", "date", "amount"], wants=["order"]
            )
        assert "no date column and no amount column was found" in str(caught.value)
        assert "several columns could be the order" in str(caught.value)

    def test_a_formula_that_differs_in_punctuation_is_not_its_column(self) -> None:
        assert roles.given("amount", "-a", ["a"], "").formula.tree == ("-", ("column", 0))
        with pytest.raises(UsageError):
            roles.given("amount", "a-", ["a"], "")


class TestNoHeader:
    """Files whose first line is a row already."""

    NAMES = ("--header", "customer,order_id,date,amount")

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("ends", ["\n", "\r\n"])
    def test_every_line_is_a_row(self, tmp_path: Path, delimiter: str, ends: str) -> None:
        content = text(header=None, delimiter=delimiter, ends=ends)
        assert check(put(tmp_path / "sales.csv", content), *self.NAMES).account == account()
        assert check(put(tmp_path / "bom.csv", "\ufeff" + content), *self.NAMES).account == account()

    def test_the_place_of_a_row(self, tmp_path: Path) -> None:
        lines = text(header=None).splitlines(keepends=True)
        lines[0], lines[3] = "K1,B-1,2024-02-30,1.00\n", "K1,B-2\n"
        done = check(put(tmp_path / "sales.csv", "".join(lines)), *self.NAMES)
        assert done.account == account(without(0, 3), 2)
        assert "line 1, column date: bad date: '2024-02-30'" in done.err
        assert "line 4: wrong field count: '2 fields, 4 expected'" in done.err

    def test_other_encodings(self, tmp_path: Path) -> None:
        assert (
            check(put(tmp_path / "u.csv", text(header=None).encode("utf-16")), *self.NAMES).account
            == account()
        )

    @pytest.mark.parametrize(
        ("names", "words"),
        [
            ("customer,date,amount", "--header names 3 columns, and the first row has 4."),
            ("a,b,c,d", "no customer column"),
        ],
    )
    def test_names_that_do_not_fit(self, tmp_path: Path, names: str, words: str) -> None:
        refused(check(put(tmp_path / "sales.csv", text(header=None)), "--header", names), words)

    @pytest.mark.parametrize("names", ["a,,b", "a,b,a", ","])
    def test_names_that_are_none(self, tmp_path: Path, names: str) -> None:
        done = check(put(tmp_path / "sales.csv", text(header=None)), "--header", names)
        assert done.status == 2
        assert "must name each column of the file once" in done.err
