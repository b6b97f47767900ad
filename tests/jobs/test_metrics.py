import json
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.metrics import bootstrap, rouge

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


def test_scoring_does_not_import_torch() -> None:
    check = "import sys, jobs.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT).returncode == 0
