"""Curves, bars and shades, as characters and colours."""

from __future__ import annotations

import pytest

from crmkit.output import pictures

BOW = [(0.0, 0.0), (0.2, 0.6), (0.5, 0.9), (1.0, 1.0)]


def test_a_curve_in_ascii() -> None:
    drawn = pictures.curve(BOW, width=24, height=7, ascii_only=True)
    assert "\n".join(drawn) == (
        " 100% |                  ******\n"
        "      |         *********. .\n"
        "      |     ****     . .\n"
        "  50% |    *     . .\n"
        "      |  **  . .\n"
        "      | *. .\n"
        "   0% |*\n"
        "      +------------------------\n"
        "       0%         50%      100%"
    )


def test_a_curve_in_braille() -> None:
    drawn = pictures.curve(BOW, width=24, height=7)
    assert "\n".join(drawn) == (
        " 100% │            ⣀⣀⠤⠤⠤⠤⠒⠒⠒⠒⠍⠉\n"
        "      │        ⣀⠤⠒⠉      ⠄ ⠁\n"
        "      │    ⢀⠤⠒⠉      ⡀ ⠂\n"
        "  50% │   ⢠⠃       ⠂\n"
        "      │  ⡠⠃    ⠄ ⠁\n"
        "      │ ⡰⠁ ⠄ ⠁\n"
        "   0% │⡰⠁⠂\n"
        "      └────────────────────────\n"
        "       0%         50%      100%"
    )


def test_a_curve_that_rises_above_all_has_its_own_scale() -> None:
    drawn = pictures.curve([(0, 0), (0.5, 1.5), (1, 1)], width=20, height=5)
    assert drawn[0].startswith(" 150% ")
    assert drawn[4].startswith("   0% ")


@pytest.mark.parametrize("points", [[], [(0.5, 0.5)], [(-1.0, 0.0), (2.0, 1.0)], [(0.5, -0.25), (0.5, 0.5)]])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_odd_points_are_drawn_all_the_same(points: list[pictures.Point], ascii_only: bool) -> None:
    drawn = pictures.curve(points, width=12, height=4, ascii_only=ascii_only)
    assert len(drawn) == 6
    assert {len(line) for line in drawn[4:]} == {19}


@pytest.mark.parametrize(
    ("part", "drawn", "plain"),
    [
        (0.0, "", ""),
        (1.0, "█" * 10, "#" * 10),
        (0.5, "█" * 5, "#" * 5),
        (0.5125, "█" * 5 + "▏", "#" * 5),
        (0.01, "▏", ""),
        (-1.0, "", ""),
        (2.0, "█" * 10, "#" * 10),
    ],
)
def test_bars_have_eighty_steps(part: float, drawn: str, plain: str) -> None:
    assert pictures.bar(part) == drawn
    assert pictures.bar(part, ascii_only=True) == plain


def _contrast(shade: pictures.Shade) -> float:
    red, green, blue = (int(c) / 255 for c in shade.paper[4:-1].split(","))
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    paper = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    ink = 0.0 if shade.ink == "#000000" else 1.0
    return (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05)


def test_numbers_stand_out_on_every_shade() -> None:
    shades = [pictures.shade(i / 200) for i in range(-20, 240)]
    assert min(map(_contrast, shades)) >= 4.5
    assert {shade.ink for shade in shades} == {"#000000", "#ffffff"}


def test_shades_run_from_dark_to_light() -> None:
    def light(part: float) -> int:
        return sum(map(int, pictures.shade(part).paper[4:-1].split(",")))

    assert light(0.0) < light(0.25) < light(0.5) < light(0.75) < light(1.0)
