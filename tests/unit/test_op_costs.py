"""What `make op-costs` makes of its measurements."""

from bench import op_costs
from bench.op_costs import Cost
from bench.pairs import Quartiles
from rich.console import Console

COSTS = [
    Cost("a", "slow", (1,), {"new": Quartiles(3.0, 2.0, 4.0)}, {"new": 0.0}, {"old": "no such operator"}),
    Cost(
        "a", "fast", (1,), {"new": Quartiles(1.0, 1.0, 1.5), "old": Quartiles(9.0, 8.0, 9.5)}, {"new": 1e-6, "old": 0.0}
    ),
    Cost("b", "alone", (1,), {"new": Quartiles(2.0, 2.0, 2.0)}, {"new": 0.0}, {"old": "it falls"}),
]


def test_the_cheapest_form_of_a_case_comes_first():
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        console.print(op_costs.table(COSTS, ["new", "old"]))
    lines = [line.split() for line in captured.get().splitlines()]
    assert lines == [
        ["case", "form", "new,", "µs", "old,", "µs"],
        ["a", "fast", *["1.0", "(1.0", "to", "1.5)"], *["9.0", "(8.0", "to", "9.5)"]],
        ["slow", *["3.0", "(2.0", "to", "4.0)"], "refused"],
        ["b", "alone", *["2.0", "(2.0", "to", "2.0)"], "refused"],
    ]


def test_forms_that_compute_something_else_are_told():
    wrong = [
        Cost("a", "wrong", (1,), difference={"new": 0.5}),
        Cost("a", "none", (1,), difference={"old": float("nan")}),
    ]
    assert op_costs.unlike(COSTS) == []
    assert op_costs.unlike([*COSTS, *wrong]) == [
        "a, wrong: other than the first form by 5e-01 in new",
        "a, none: other than the first form by nan in old",
    ]


def test_costs_are_read_as_they_were_written():
    assert op_costs.COSTS.validate_json(op_costs.COSTS.dump_json(COSTS)) == COSTS
