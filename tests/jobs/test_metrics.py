import itertools
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.metrics import FEWEST_TO_TEST, bootstrap, paired, rouge

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT.parent / "shared" / "data" / "golden"


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the shared golden data is not here")
@pytest.mark.parametrize("name", ["aci-test1.gpt4", "mts-valid.flan-t5-large"])
def test_published_scores_are_reproduced_to_two_decimals(name: str) -> None:
    rows = [json.loads(line) for line in (GOLDEN / f"{name}.jsonl").read_text().splitlines()]
    expected = json.loads((GOLDEN / "expected.json").read_text())[name]
    assert {metric: round(value, 2) for metric, value in rouge(rows).items()} == expected


def test_no_rows_have_no_score() -> None:
    with pytest.raises(ValueError, match="no rows"):
        rouge([])


def test_the_interval_is_seeded_and_holds_the_mean() -> None:
    values = [10.0, 20.0, 60.0, 30.0, 25.0]
    interval = bootstrap(values, seed=3)
    assert interval["value"] == 29.0
    assert 10.0 <= interval["low"] < 29.0 < interval["high"] <= 60.0
    assert bootstrap(values, seed=3) == interval
    assert bootstrap(values, seed=4) != interval


def test_a_paired_test_finds_a_small_gain_that_every_row_shows() -> None:
    """The intervals of the two means overlap widely; row by row there is no doubt."""
    draw = random.Random(1)
    first = [draw.uniform(0, 100) for _ in range(30)]
    second = [value + draw.uniform(0.5, 1.5) for value in first]
    found = paired(first, second, seed=1)
    assert 0.5 < found["low"] < found["value"] < found["high"] < 1.5
    assert found["p"] < 0.001
    assert found["share_higher"] == 1.0
    assert bootstrap(first, seed=1)["high"] > bootstrap(second, seed=1)["low"]


def test_the_p_value_is_that_of_all_swaps() -> None:
    """With eight rows every swap can be tried; the test draws some of them."""
    differences = [3.0, 1.0, -2.0, 4.0, 2.5, -0.5, 1.5, 2.0]
    total = abs(sum(differences))
    swaps = list(itertools.product([-1, 1], repeat=8))
    exact = sum(
        abs(sum(s * d for s, d in zip(swap, differences, strict=True))) >= total for swap in swaps
    ) / len(swaps)
    found = paired([0.0] * 8, differences, seed=3)
    assert found["p"] == pytest.approx(exact, abs=0.02)


def test_no_difference_is_found_where_there_is_none() -> None:
    same = [10.0, 20.0, 30.0, 5.0, 50.0, 1.0]
    assert paired(same, same, seed=1) == {"value": 0, "low": 0, "high": 0, "share_higher": 0, "p": 1}
    draw = random.Random(2)
    noise = [[draw.gauss(0, 1) for _ in range(25)] for _ in range(200)]
    alarms = sum(paired([0.0] * 25, each, seed=5, draws=500)["p"] < 0.05 for each in noise)
    assert alarms <= 20, "about one in twenty, not more, is to be taken for a difference"


def test_swapping_the_two_turns_the_sign_and_too_few_rows_are_refused() -> None:
    first, second = [1.0, 5.0, 2.0, 8.0, 3.0, 4.0], [2.0, 4.0, 9.0, 9.0, 1.0, 7.0]
    there, back = paired(first, second, seed=1), paired(second, first, seed=1)
    assert (there["value"], there["p"]) == (-back["value"], back["p"])
    with pytest.raises(ValueError, match=str(FEWEST_TO_TEST)):
        paired(first[:5], second[:5], seed=1)


def test_scoring_does_not_import_torch() -> None:
    check = "import sys, jobs.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT).returncode == 0
