"""Text that is not UTF-8: the proposal is right, decodes the whole file, and leads to no second stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.running import check

# encoding → header, and names of two customers
TEXTS = {
    "cp932": ("注文番号,顧客ID,注文日,金額", "山田太郎", "鈴木さくら"),
    "euc-jp": ("注文番号,顧客ID,注文日,金額", "山田太郎", "鈴木さくら"),
    "cp949": ("주문번호,고객번호,주문일자,결제금액", "김철수", "이영희"),
    "big5": ("訂單編號,會員編號,訂單日期,金額", "王小明", "陳大文"),
    "gb18030": ("订单编号,买家会员名,付款时间,金额", "张三", "李四"),
    "cp1252": ("Numéro de commande,Client,Date de commande,Montant", "François", "Zoé Müller"),
    "cp1250": ("Numer zamówienia,Klient,Data zamówienia,Kwota", "Łukasz Wiśniewski", "Paweł Zieliński"),
    "cp1251": ("Номер заказа,Клиент,Дата заказа,Сумма", "Иванов Сергей", "Петрова Анна"),
    "koi8-r": ("Номер заказа,Клиент,Дата заказа,Сумма", "Иванов Сергей", "Петрова Анна"),
    "cp1254": ("Sipariş No,Müşteri,Sipariş Tarihi,Tutar", "Ayşe Yılmaz", "Oğuz Çelik"),
    "cp1256": ("رقم الطلب,العميل,تاريخ الطلب,المبلغ", "محمد علي", "فاطمة حسن"),
    "cp850": ("Numéro de commande,Client,Date de commande,Montant", "François", "Zoé Müller"),
}


def _file(path: Path, encoding: str, header: str, names: tuple[str, str]) -> Path:
    rows = [f"{place},{names[place % 2]},2024-01-{place + 1:02},{place}0.50" for place in range(6)]
    path.write_bytes("\n".join([header, *rows, ""]).encode(encoding))
    return path


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("where", ["header", "rows", "both"])
def test_the_proposal_is_right_and_works(tmp_path: Path, encoding: str, where: str) -> None:
    header, *names = TEXTS[encoding]
    header = "order_id,customer,date,amount" if where == "rows" else header
    path = _file(
        tmp_path / "sales.csv", encoding, header, ("A", "B") if where == "header" else (names[0], names[1])
    )
    refused = check(path)
    assert refused.status == 1
    line = refused.err.split("Try: crmkit check ")[1].split()
    assert line[-2] == "--encoding"
    text = path.read_bytes()
    assert text.decode(line[-1]) == text.decode(encoding)
    assert check(path, "--encoding", line[-1]).account == (6, 0, "153.00", 2, "2024-01-01", "2024-01-06")


def test_auto_finds_and_says_it(tmp_path: Path) -> None:
    header, *names = TEXTS["cp949"]
    done = check(_file(tmp_path / "sales.csv", "cp949", header, (names[0], names[1])), "--encoding", "auto")
    assert done.account[:4] == (6, 0, "153.00", 2)
    assert "encoding cp949" in done.err


def test_auto_takes_utf_8_for_what_it_is(tmp_path: Path) -> None:
    header, *names = TEXTS["cp949"]
    done = check(_file(tmp_path / "sales.csv", "utf-8", header, (names[0], names[1])), "--encoding", "auto")
    assert "encoding utf-8" in done.err


def test_a_wrong_encoding_is_not_proposed_again(tmp_path: Path) -> None:
    header, *names = TEXTS["cp932"]
    path = _file(tmp_path / "sales.csv", "cp932", header, (names[0], names[1]))
    assert "--encoding cp932" in check(path, "--encoding", "ascii").err
