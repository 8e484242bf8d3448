"""Which column plays which role: by the user's word, else by names that exports really use."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from crmkit.errors import DataError, UsageError
from crmkit.load.columns import expression
from crmkit.load.columns.expression import Expression

# For each role, names from the surest to the last resort. Names of one line are equally good, so two
# columns that match on the same line are an ambiguity. Written as `normalise` leaves them.
ALIASES: dict[str, tuple[tuple[str, ...], ...]] = {
    "customer": (
        ("customer", "customerid", "custid", "clientid", "客户id", "客户编号", "顾客编号", "会员编号", "会员id", "顾客id",
         "客户号", "会员号", "用户id", "用户编号", "买家id", "kundennummer", "numeroclient", "idcliente"),
        ("customerno", "customernumber", "customercode", "customerkey", "cust", "client", "memberid", "member",
         "userid", "user", "buyerid", "buyer", "shopperid", "accountid", "account", "accountno", "partyid",
         "contactid", "cid", "masterid", "客户", "顾客", "会员", "用户", "买家", "客户代码", "客户编码", "会员卡号"),
        ("买家会员名", "买家昵称", "会员名", "customername", "clientname", "username", "buyername", "客户名称", "客户姓名",
         "顾客姓名", "会员名称", "客户名"),
        ("customeremail", "email", "emailaddress", "mail", "phone", "手机", "手机号", "联系手机", "电话"),
    ),
    "date": (
        ("date", "orderdate", "invoicedate", "transactiondate", "purchasedate", "txdate", "trxdate", "saledate",
         "salesdate", "订单日期", "交易日期", "下单日期", "购买日期", "消费日期", "销售日期", "日期"),
        ("订单付款时间", "付款时间", "支付时间", "付款日期", "支付日期", "paidat", "paymentdate", "paiddate"),
        ("datetime", "timestamp", "time", "ordertime", "orderdatetime", "orderedat", "orderpurchasetimestamp",
         "transactiontime", "transactiondatetime", "purchasetime", "purchasetimestamp", "invoicetime", "day", "createdat",
         "created", "订单时间", "交易时间", "下单时间", "购买时间", "消费时间", "时间"),
        ("订单创建时间", "创建时间", "创建日期", "eventtime", "eventdate", "ts"),
    ),
    "amount": (
        ("amount", "revenue", "sales", "salesamount", "totalamount", "orderamount", "netamount", "transactionamount",
         "purchaseamount", "销售额", "金额", "销售金额", "订单金额", "交易金额", "消费金额", "实付金额", "支付金额"),
        ("买家实际支付金额", "实际支付金额", "实收金额", "付款金额", "总金额实付"),
        ("total", "totalprice", "totalsales", "totalpaid", "linetotal", "ordertotal", "ordervalue", "subtotal",
         "grandtotal", "amountpaid", "paymentvalue", "payment", "value", "spend", "spent", "turnover", "monetary",
         "amt", "总金额", "总价", "总额", "合计", "营业额", "成交额"),
        ("买家应付货款", "应付金额"),
    ),
    "quantity": (("quantity", "qty", "units", "数量", "购买数量", "销售数量", "宝贝总数量"), ("count", "pieces", "件数", "销量")),
    "price": (("price", "unitprice", "priceperunit", "itemprice", "单价", "销售单价", "价格"), ("listprice", "sellingprice", "售价")),
    "order": (
        ("order", "orderid", "orderno", "ordernumber", "invoice", "invoiceid", "invoiceno", "invoicenumber", "transactionid",
         "transactionno", "txid", "trxid", "basketid", "receiptid", "receiptno", "ticketid", "订单id", "订单编号", "订单号",
         "交易编号", "交易号", "单据编号", "小票号", "发票号"),
        ("transaction", "basket", "receipt", "ticket", "bill", "billno", "主订单编号"),
        ("subordernumber", "子订单编号"),
    ),
    "product": (
        ("product", "productid", "sku", "skuid", "stockcode", "itemid", "productcode", "itemcode", "产品id", "商品id",
         "商品编号", "产品编号", "商品编码", "产品编码", "货号"),
        ("item", "article", "articleid", "商品", "产品"),
        ("productname", "itemname", "description", "产品名称", "商品名称", "宝贝标题"),
    ),
    "cost": (("cost", "costs", "totalcost", "costamount", "cogs", "costofgoods", "成本", "成本金额"),),
    "channel": (("channel", "saleschannel", "渠道", "销售渠道"), ("source", "medium", "来源")),
    "group": (("group", "campaigngroup", "testgroup", "experimentgroup", "variant", "分组", "实验组"), ("campaign", "活动")),
    "status": (("status", "orderstatus", "paymentstatus", "订单状态", "交易状态", "状态"),),
    "currency": (("currency", "currencycode", "币种", "货币"), ("curr", "ccy")),
    "store": (("store", "storeid", "shop", "shopid", "branch", "门店", "店铺", "店铺名称", "门店编号"), ("location", "brand", "品牌")),
}  # fmt: skip

NUMERIC = frozenset({"amount", "cost"})
# Numbers depend on these wherever there is a column for them, so that two of them are a question to ask.
_COUNTED = frozenset({"order", "quantity", "price", "cost"})
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Role:
    """One role and the formula over the file's columns that plays it (for ids and dates: one column)."""

    name: str
    formula: Expression
    why: str


@lru_cache(1 << 16)
def normalise(name: str) -> str:
    """A column name without case, blanks, punctuation or width: what two spellings have in common."""
    if len(name) > _LONGEST_NAME:
        return name
    return re.sub(r"[^\w]|_", "", unicodedata.normalize("NFKC", name).casefold())


def assign(
    columns: Sequence[str],
    given: Mapping[str, str | None],
    *,
    needs: frozenset[str],
    wants: frozenset[str],
    file: str,
) -> dict[str, Role]:
    """The roles that these columns play.

    `given` holds the user's own words (column names, or formulas for amounts). Every role in
    `needs` is found or DataError says what was there; those in `wants` are taken where present.
    """
    roles: dict[str, Role] = {}
    for name in sorted(needs | wants, key=_order):
        word = given.get(name)
        role = _given(name, word, columns, file) if word else _found(name, columns, file, name in needs)
        if role is not None:
            roles[name] = role
    missing = [name for name in sorted(needs, key=_order) if name not in roles]
    if missing:
        raise DataError(missing_sentence(missing, columns, file))
    _refuse_duplicates(roles, columns, file)
    return roles


def _order(name: str) -> int:
    return list(ALIASES).index(name) if name in ALIASES else len(ALIASES)


def _given(name: str, word: str, columns: Sequence[str], file: str) -> Role:
    is_formula = name in NUMERIC and not re.fullmatch(r"[\w .]+", word)
    exact = word if word in columns else None
    if exact is None and not is_formula:
        exact = match(word, columns)
    if exact is not None:
        return Role(name, expression.column(exact), "given")
    if not is_formula:
        raise DataError(unknown_sentence(word, columns, file, f"--{name}"))
    formula = expression.parse(word)
    if not formula.columns:
        raise UsageError(f"--{name} {word!r} names no column, so every row would be worth the same.")
    found = [match(part, columns) for part in formula.columns]
    for part, column in zip(formula.columns, found, strict=True):
        if column is None:
            raise DataError(unknown_sentence(part, columns, file, f"--{name}"))
    return Role(name, Expression(word, tuple(str(column) for column in found), formula.tree), "given")


def match(word: str, columns: Sequence[str]) -> str | None:
    """The column that a word names: as written, else the only one that differs in case or punctuation."""
    if word in columns:
        return word
    alike = [column for column in columns if normalise(column) == normalise(word) and normalise(word)]
    return alike[0] if len(set(alike)) == 1 else None


def _found(name: str, columns: Sequence[str], file: str, needed: bool) -> Role | None:
    for aliases in ALIASES.get(name, ()):
        candidates = [column for column in dict.fromkeys(columns) if normalise(column) in aliases]
        if len(candidates) > 1 and (needed or name in _COUNTED):
            raise DataError(_ambiguous_sentence(name, candidates, file))
        if len(candidates) > 1 and name != "currency":
            return None  # not needed, and better left out than guessed
        if candidates:
            return Role(name, expression.column(candidates[0]), f"found by its name, {candidates[0]!r}")
    return _multiplied(columns, file) if name == "amount" else None


def _multiplied(columns: Sequence[str], file: str) -> Role | None:
    quantity, price = (_found(part, columns, file, False) for part in ("quantity", "price"))
    if quantity is None or price is None:
        return None
    formula = expression.product(quantity.formula.text, price.formula.text)
    return Role("amount", formula, "no amount column: quantity times price")


def _refuse_duplicates(roles: Mapping[str, Role], columns: Sequence[str], file: str) -> None:
    for role in roles.values():
        for column in role.formula.columns:
            if list(columns).count(column) > 1:
                raise DataError(
                    f"{file}: the column {column!r} appears {list(columns).count(column)} times (duplicate), so --{role.name} "
                    "could mean either; rename one of them in the file."
                )


def missing_sentence(missing: Sequence[str], columns: Sequence[str], file: str) -> str:
    """What to say when a role has no column."""
    what = " and ".join(f"no {name} column" for name in missing)
    option = " ".join(f"--{name} COLUMN" for name in missing)
    hint = f" Say which it is: {option}." if columns else ""
    formula = " An amount may be a formula: --amount 'quantity * price'." if "amount" in missing else ""
    header = " Is there a header line? If not, name all columns: --header NAME,NAME,…"
    return f"{file}: {what} was found; columns found: {_listed(columns)}.{hint}{formula}{header}"


def unknown_sentence(word: str, columns: Sequence[str], file: str, option: str) -> str:
    """What to say when the user names a column that is not there."""
    close = difflib.get_close_matches(word, list(columns), 1, 0.6)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{file}: {option} names the column {word!r}, which is not there; columns found: {_listed(columns)}.{hint}"


def _ambiguous_sentence(name: str, candidates: Sequence[str], file: str) -> str:
    if name in ("quantity", "price"):
        return f"{file}: several columns could be the {name}: {_listed(candidates)}. Say --amount 'QUANTITY * PRICE' with their names."
    return (
        f"{file}: several columns could be the {name}: {_listed(candidates)}. "
        f"Say which: --{name} '{candidates[0]}' or --{name} '{candidates[1]}'."
    )


def _listed(columns: Sequence[str], most: int = 30) -> str:
    if not columns:
        return "none"
    shown = ", ".join(column[:60] if column else "(no name)" for column in columns[:most])
    return shown + (f" and {len(columns) - most} more" if len(columns) > most else "")
