"""One training by several processes, as the supervisor starts it where there are several graphics cards.

No graphics card has seen this: the processes run on the CPU and talk through gloo.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from jobs.progress import Progress, read_new
from jobs.rundir import PARENT, RunDir, write_json_atomic
from jobs.specs import PrepareSpec, TrainSpec
from jobs.stages import prepare
from jobs.stages.several import Team, deal
from jobs.supervisor import ROOT, Outcome, run_stage, stage_environment
from tests.stages.tiny import long_row, run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
MakeRun = Callable[..., RunDir]


def test_rows_are_dealt_out_by_tokens() -> None:
    shares = deal([100, 700, 300, 350], 2)
    assert shares == [[1], [0, 2, 3]]


def test_all_make_as_many_passes_as_the_one_with_most() -> None:
    teams = [Team(rank, 2) for rank in range(2)]
    assert [team.share([700, 300, 350], 350) for team in teams] == [([[0]], 1), ([[1], [2]], 0)]
    assert [team.share([900], 0) for team in teams] == [([[0]], 0), ([], 1)]


@pytest.fixture
def make_run(models_dir: Path, tmp_path: Path) -> MakeRun:
    """Training runs over the same prepared rows, in 32 bits; some batches hold one long row alone."""
    rows = [*visit_rows(24), long_row("train"), *visit_rows(3, "valid")]
    where = {"base": "local:tiny", "models_dir": str(models_dir)}
    before = PrepareSpec(**where, **write_rows(tmp_path / "rows.jsonl", rows), set_aside=True)
    prepared = run_folder(tmp_path / "1-prepare", before)
    prepare.main(before, prepared)

    def make(name: str, **changes: object) -> RunDir:
        told = {"epochs": 4.0, "learning_rate": 5e-3, "tokens_per_batch": 700, **changes}
        spec = TrainSpec(**where, prepared=str(prepared.artifact), **told)  # type: ignore[arg-type]
        run = run_folder(tmp_path / name, spec)
        write_json_atomic(run.path / "precision.json", {"dtype": "float32"})
        return run

    return make


def train(
    run: RunDir, cards: int, on_progress: Callable[[Progress | None], bool] = lambda _: True
) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(cards))))
        return run_stage(
            "train", run.path, on_progress=on_progress, poll_seconds=0.02, environment=ONE_THREAD
        )


def steps(run: RunDir) -> list[float]:
    return [line.metrics["step"] for line in read_new(run.progress)[0] if "step" in line.metrics]


def curve(run: RunDir) -> list[float]:
    """Each step's loss, of a step made twice the later, and last the validation loss at the end."""
    lines = [line.metrics for line in read_new(run.progress)[0] if "step" in line.metrics]
    by_step = {line["step"]: line["loss"] for line in lines}
    return [*(by_step[step] for step in sorted(by_step)), lines[-1]["valid_loss"]]


def adapter(run: RunDir) -> dict[str, torch.Tensor]:
    return load_file(run.artifact / "adapter" / "adapter_model.safetensors")


def workers(run: RunDir) -> list[psutil.Process]:
    """The processes that train in the folder, the launcher aside."""
    found = [p for p in psutil.Process().children(recursive=True) if str(run.path) in p.cmdline()]
    return [p for p in found if "jobs.stages.train" in p.cmdline()]


@pytest.mark.parametrize(
    "changes", [{}, {"tokens_at_once": 200, "recompute": True}], ids=["whole", "in parts"]
)
def test_two_processes_learn_what_one_learns(make_run: MakeRun, changes: dict[str, object]) -> None:
    alone, shared = make_run("alone", **changes), make_run("shared", **changes)
    assert train(alone, 1).status == "succeeded", alone.log.read_text()
    assert train(shared, 2).status == "succeeded", shared.log.read_text()
    assert curve(shared) == pytest.approx(curve(alone), rel=1e-4)
    assert curve(shared)[-1] < curve(shared)[0] - 0.5
    assert adapter(shared).keys() == adapter(alone).keys()
    for name, weight in adapter(alone).items():
        torch.testing.assert_close(adapter(shared)[name], weight, rtol=1e-2, atol=1e-3)


def test_one_of_two_killed_outright_ends_both_and_they_go_on_as_if_unbroken(make_run: MakeRun) -> None:
    """With random numbers in play: each process goes on with its own."""
    changes = {"lora_dropout": 0.1, "neftune_alpha": 5.0, "checkpoint_every_seconds": 0.3}
    unbroken, broken = make_run("unbroken", **changes), make_run("broken", **changes)
    assert train(unbroken, 2).status == "succeeded", unbroken.log.read_text()
    seen: list[psutil.Process] = []

    def kill(line: Progress | None) -> bool:
        if not seen and line is not None and line.metrics.get("step", 0) >= 20:
            seen.extend(workers(broken))
            second = next(p for p in seen if p.environ()["RANK"] == "1")
            second.send_signal(signal.SIGKILL)
        return True

    assert train(broken, 2, kill).error_type == "Killed9", broken.log.read_text()
    assert len(seen) == 2
    assert not any(process.is_running() for process in seen)
    before = steps(broken)
    assert train(broken, 2).status == "succeeded", broken.log.read_text()
    assert 1 < steps(broken)[len(before)] <= before[-1] + 1
    assert curve(broken) == pytest.approx(curve(unbroken), rel=1e-4)


def test_cancelled_both_end_with_one_checkpoint_of_the_last_step(make_run: MakeRun) -> None:
    run = make_run("run")
    seen: list[psutil.Process] = []

    def look(line: Progress | None) -> bool:
        if line is None or line.metrics.get("step", 0) < 3:
            return True
        seen.extend(workers(run))
        return False

    assert train(run, 2, look).status == "cancelled"
    assert len(seen) == 2
    assert not any(process.is_running() for process in seen)
    (checkpoint,) = (run.path / "checkpoints").glob("step-*")
    assert int(checkpoint.name.removeprefix("step-")) == steps(run)[-1]
    assert not run.result.exists()


def accelerate(*told: str) -> subprocess.CompletedProcess[str]:
    """As somebody would type it."""
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--use_fsdp", "--num_processes", "2"]
    environment = {name: v for name, v in stage_environment(ONE_THREAD).items() if name != PARENT}
    port = ["--num_machines", "1", "--main_process_port", "0"]
    return subprocess.run(
        [*launcher, *port, *told], cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_private_training_is_refused_to_two_and_started_alone(make_run: MakeRun) -> None:
    run = make_run("run", dp_epsilon=8.0, dp_delta=1e-3, epochs=1.0)
    done = accelerate("-m", "jobs.stages.train", str(run.path))
    assert done.returncode != 0
    assert json.loads(run.error.read_text())["message"].startswith("Private training (dp_epsilon) is for one")
    assert train(run, 2).status == "succeeded", run.log.read_text()


SPREAD = """
import json, sys
from pathlib import Path
import torch
from transformers import AutoModelForCausalLM
from peft import LoraConfig, get_peft_model
from jobs.stages.several import spread, team

model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
model = get_peft_model(model, LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM"))
whole = sum(p.nbytes for p in model.parameters() if not p.requires_grad)
spread(model.get_base_model(), torch.device("cpu"))
frozen = [p for p in model.parameters() if not p.requires_grad]
held = sum(p.to_local().nbytes for p in frozen)
Path(sys.argv[2], str(team().rank)).write_text(json.dumps([held, whole]))
"""


def test_each_holds_half_of_the_frozen_weights(models_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "spread.py").write_text(SPREAD)
    done = accelerate(str(tmp_path / "spread.py"), str(models_dir / "own" / "tiny"), str(tmp_path))
    assert done.returncode == 0, done.stderr
    (first, whole), (second, _) = (json.loads((tmp_path / rank).read_text()) for rank in "01")
    assert first + second == whole
    assert max(first, second) < 0.51 * whole
