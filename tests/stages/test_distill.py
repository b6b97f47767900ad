"""A pruned model learns from the one it was pruned from: nearer to it after than before, and as safe to interrupt."""

import json
import math
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from transformers import AutoModelForCausalLM

from jobs.catalogue import installed
from jobs.progress import Progress, read_new
from jobs.rundir import RunDir
from jobs.specs import DIVERGENCES, DistillSpec, PrepareSpec, PruneSpec, Spec, TrainSpec
from jobs.stages import distill, prepare, prune
from jobs.stages.divergence import divergence
from jobs.stages.entry import StageRefusal
from jobs.stages.packing import answer_logits, pack
from jobs.stages.prepared import read_prepared
from jobs.stages.sources import Translation, load_source
from jobs.supervisor import Outcome, run_stage
from tests.stages.tiny import run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow


def test_the_divergences_are_what_their_papers_say() -> None:
    ours, theirs = torch.tensor([[0.6, 0.3, 0.1]]), torch.tensor([[0.1, 0.4, 0.5]])
    forward = sum(t * math.log(t / o) for t, o in zip(theirs[0].tolist(), ours[0].tolist(), strict=True))
    reverse = sum(o * math.log(o / t) for t, o in zip(theirs[0].tolist(), ours[0].tolist(), strict=True))
    found = {kind: divergence(ours.log(), theirs.log(), kind).item() for kind in DIVERGENCES}
    assert found["forward_kl"] == pytest.approx(forward, rel=1e-5)
    assert found["reverse_kl"] == pytest.approx(reverse, rel=1e-5)
    middle = (ours + theirs) / 2
    halves = [(p * (p / middle).log()).sum().item() for p in (ours, theirs)]
    assert found["jsd"] == pytest.approx(sum(halves) / 2, rel=1e-5)
    # At its ends the generalized divergence, divided by beta, comes to the forward and reverse ones (GKD, section 2).
    small = divergence(ours.log(), theirs.log(), "jsd", beta=1e-3).item() / 1e-3
    large = divergence(ours.log(), theirs.log(), "jsd", beta=1 - 1e-3).item() / 1e-3
    assert (small, large) == (pytest.approx(forward, rel=0.01), pytest.approx(reverse, rel=0.01))


@pytest.mark.parametrize("kind", DIVERGENCES)
def test_a_student_that_answers_like_its_teacher_has_nothing_to_learn(kind: str) -> None:
    torch.manual_seed(0)
    student = torch.randn(5, 11, requires_grad=True)
    loss = divergence(student, student.detach() + 3.0, kind, temperature=2.0)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert student.grad.abs().max() < 1e-6
    assert divergence(student, torch.randn(5, 11), kind).item() > 0.1


class Chain:
    """Train, then prune to one layer and fewer words: what there is to heal."""

    def __init__(self, root: Path, models_dir: Path) -> None:
        self.root = root
        self.where = {"base": "local:tiny", "models_dir": str(models_dir)}
        rows = write_rows(root / "rows.jsonl", [*visit_rows(24), *visit_rows(4, "valid")])
        first = PrepareSpec(**self.where, **rows)
        self.prepared = run_folder(root / "prepare", first).artifact
        prepare.main(first, RunDir(root / "prepare"))
        second = TrainSpec(**self.where, prepared=str(self.prepared), epochs=3, learning_rate=1e-2)
        self.teacher = self.go("train", second)[0].artifact
        third = PruneSpec(
            **self.where, prepared=str(self.prepared), model=str(self.teacher), layers=1, trim_vocabulary=True
        )
        self.pruned = run_folder(root / "prune", third).artifact
        prune.main(third, RunDir(root / "prune"))
        self.spec = DistillSpec(
            **self.where,
            prepared=str(self.prepared),
            student=str(self.pruned),
            teacher=str(self.teacher),
            epochs=2,
            learning_rate=1e-2,
        )

    def go(
        self,
        stage: str,
        spec: Spec,
        name: str = "",
        on_progress: Callable[[Progress | None], bool] = lambda _: True,
    ) -> tuple[RunDir, Outcome]:
        run = run_folder(self.root / (name or stage), spec)
        outcome = run_stage(
            stage, run.path, on_progress=on_progress, poll_seconds=0.01, environment={"OMP_NUM_THREADS": "1"}
        )
        return run, outcome

    def distance(self, made: Path) -> float:
        """KL to the teacher on the rows, over the tokens that both have."""
        base = installed("local:tiny", Path(self.where["models_dir"]))
        teacher, student = load_source(base, str(self.teacher)), load_source(base, str(made))
        assert student.kept is not None
        translation, found = Translation(student.kept), []
        for row in read_prepared(self.prepared, "train")[:6]:
            mine = translation.row(row)
            assert mine is not None
            with torch.no_grad():
                theirs = answer_logits(teacher.model, pack([row]))[:, student.kept]
                found.append(divergence(answer_logits(student.model, pack([mine])), theirs).item())
        return sum(found) / len(found)


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Chain:
    return Chain(tmp_path_factory.mktemp("chain"), models_dir)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"divergence": "reverse_kl", "hard_share": 0.3},
        {"divergence": "jsd", "beta": 0.2, "full": True, "learning_rate": 2e-3},
    ],
    ids=["forward", "reverse", "jsd, all weights"],
)
def test_a_pruned_student_comes_nearer_to_its_teacher(chain: Chain, changes: dict[str, object]) -> None:
    spec = replace(chain.spec, **changes)
    run, outcome = chain.go("distill", spec, name=f"distill-{spec.divergence}")
    assert outcome.status == "succeeded", run.log.read_text()
    assert outcome.result is not None
    assert chain.distance(run.artifact) < 0.6 * chain.distance(chain.pruned)
    (output,) = outcome.result["outputs"]
    assert (output["kind"], output["base"]) == ("model", "local:tiny")
    assert AutoModelForCausalLM.from_pretrained(run.artifact / "model").config.num_hidden_layers == 1
    assert json.loads((run.artifact / "model" / "kept_tokens.json").read_text())
    assert outcome.result["metrics"]["valid_loss"] > 0
    assert not (run.path / "checkpoints").exists()


def test_labels_alone_need_no_teacher(chain: Chain) -> None:
    spec = replace(chain.spec, hard_share=1.0, teacher="/nowhere", epochs=0.5)
    run, outcome = chain.go("distill", spec, name="labels")
    assert outcome.status == "succeeded", run.log.read_text()


def test_rows_the_student_has_no_words_for_are_refused(chain: Chain, tmp_path: Path) -> None:
    other = tmp_path / "prepared"
    other.mkdir()
    lacking = min(
        set(range(300, 600)) - set(json.loads((chain.pruned / "model" / "kept_tokens.json").read_text()))
    )
    for split in ("train", "valid"):
        (other / f"{split}.jsonl").write_text(
            json.dumps({"id": "1", "prompt": [5, lacking], "completion": [6]})
        )
    _, outcome = chain.go("distill", replace(chain.spec, prepared=str(other)), name="other")
    assert outcome.error_type == "StageRefusal"
    assert "the rows it was pruned with" in outcome.advice


def test_a_teacher_that_promised_privacy_is_not_asked_about_its_rows(chain: Chain, tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "training.json").write_text(json.dumps({"spec": {"dp_epsilon": 8.0}}))
    with pytest.raises(StageRefusal, match="differential privacy"):
        distill.main(replace(chain.spec, teacher=str(tmp_path)), RunDir(tmp_path))


def test_killed_outright_it_goes_on_from_its_last_checkpoint(chain: Chain) -> None:
    spec = replace(chain.spec, tokens_per_batch=64, checkpoint_every_seconds=1e-6)

    def kill(line: Progress | None) -> bool:
        if line is not None and line.metrics.get("step", 0) >= 5:
            for child in psutil.Process().children():
                if "jobs.stages.distill" in child.cmdline():
                    child.send_signal(signal.SIGKILL)
        return True

    run, outcome = chain.go("distill", spec, name="killed", on_progress=kill)
    assert outcome.error_type == "Killed9", run.log.read_text()
    before = len(_steps(run))
    run, outcome = chain.go("distill", spec, name="killed")
    assert outcome.status == "succeeded", run.log.read_text()
    assert 1 < _steps(run)[before] <= _steps(run)[before - 1] + 1


def _steps(run: RunDir) -> list[int]:
    return [int(line.metrics["step"]) for line in read_new(run.progress)[0] if "step" in line.metrics]
