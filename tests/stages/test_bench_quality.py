"""The recipe's benchmark, from rows to ROUGE, on a tiny base: its figures are only as good as its way there."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import bench_quality

from tests.stages.tiny import visit_rows

pytestmark = pytest.mark.slow


def test_it_trains_scores_what_the_engine_serves_and_goes_on_where_it_stopped(
    tmp_path: Path,
    models_dir: Path,
    tools_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bench_quality, "MODELS", str(models_dir))
    monkeypatch.setattr(bench_quality, "TOOLS", str(tools_dir))
    for name, rows in (("train", visit_rows(16)), ("valid", visit_rows(3, "valid"))):
        kept = [{key: row[key] for key in ("id", "source", "target")} for row in rows]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    asked = [str(tmp_path / "run"), str(tmp_path / "train.jsonl"), str(tmp_path / "valid.jsonl")]
    asked += ["--base", "local:tiny", "--json", "--set", "epochs=1", "lora_rank=4", "max_new_tokens=8"]
    asked += ["context_tokens=512", "drafts=2"]
    monkeypatch.setattr(sys, "argv", ["bench_quality.py", *asked])
    bench_quality.main()
    first = json.loads(capsys.readouterr().out)
    assert first["train"]["steps"] > 0
    assert 0 <= first["tuned Q8_0"]["rouge1"] <= 100
    adapter = json.loads((tmp_path / "run/train/artifact/adapter/adapter_config.json").read_text())
    assert adapter["r"] == 4

    bench_quality.main()
    assert json.loads(capsys.readouterr().out) == first, "nothing was run twice"
