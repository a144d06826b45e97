"""The plot is an SVG that any reader can open, whatever was measured."""

from __future__ import annotations

from xml.etree import ElementTree

from bench import plot

SVG = "{http://www.w3.org/2000/svg}"


def curves(drawn: str) -> list[list[tuple[float, float]]]:
    lines = ElementTree.fromstring(drawn).iter(f"{SVG}polyline")  # noqa: S314 - drawn a moment ago
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.attrib["points"].split())] for line in lines
    ]


def test_a_curve_rises_with_the_share_and_never_turns_back() -> None:
    [curve] = curves(plot.draw([("(a) & more < less", {"acd": [0.5, 0.002, 0.001, 0.003]})], "a caption"))
    across, down = [x for x, _ in curve], [y for _, y in curve]
    assert across == sorted(across)
    assert down == sorted(down, reverse=True)  # an SVG counts its lines from the top
    assert len(curve) == 4


def test_what_is_quicker_stands_further_left() -> None:
    [quick, slow] = curves(plot.draw([("a", {"acd": [0.001], "app_queue": [0.5]})], ""))
    assert quick[0][0] < slow[0][0]


def test_what_was_not_measured_has_no_curve() -> None:
    assert curves(plot.draw([("a", {"acd": [0.001], "app_queue": []})], "")) != []
    assert curves(plot.draw([("a", {"acd": [], "app_queue": []})], "")) == []


def test_a_cost_that_grows_with_the_agents_rises() -> None:
    few, many = curves(plot.draw_growth({"1,000": {100: 9.6, 10_000: 10.4}, "100,000": {100: 12, 10_000: 14}}, ""))
    assert few[0][1] > few[1][1] > many[1][1]  # an SVG counts its lines from the top
    assert few[0][0] < few[1][0]
