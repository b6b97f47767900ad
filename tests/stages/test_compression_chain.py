"""Prune, weigh, choose types, quantize: what comes out is an ordinary file that the engine serves as it was meant."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFReader
from transformers import AutoModelForCausalLM, AutoTokenizer

from jobs.model_server import temporary_server
from jobs.rundir import RunDir
from jobs.specs import MIXED, ImportanceSpec, PrepareSpec, PruneSpec, QuantizeSpec
from jobs.stages import importance, prepare, prune, quantize
from jobs.stages.entry import StageRefusal
from jobs.stages.gguf_io import describe
from jobs.stages.prepared import read_prepared
from jobs.stages.sources import Translation, read_kept
from tests.stages.tiny import CHATML, run_folder, visit_rows, write_rows

pytestmark = pytest.mark.slow


class Chain:
    """The stages of one small model, each in the folder the next one reads."""

    def __init__(self, root: Path, models_dir: Path, tools_dir: Path) -> None:
        self.root = root
        where = {"base": "local:tiny", "models_dir": str(models_dir)}
        rows = write_rows(root / "rows.jsonl", [*visit_rows(12), *visit_rows(4, "valid")])
        first = PrepareSpec(**where, **rows)
        self.prepared = run_folder(root / "prepare", first).artifact
        prepare.main(first, RunDir(root / "prepare"))
        told = {**where, "prepared": str(self.prepared)}
        second = PruneSpec(**told, layers=1, mlp_channels=128, kv_heads=1, trim_vocabulary=True, rows=4)
        self.pruned = run_folder(root / "prune", second).artifact
        prune.main(second, RunDir(root / "prune"))
        third = ImportanceSpec(**told, model=str(self.pruned), rows=4, as_small_as="Q4_0", probe_rows=2)
        self.weighed = run_folder(root / "importance", third).artifact
        importance.main(third, RunDir(root / "importance"))
        self.spec = QuantizeSpec(
            **where,
            adapter=str(self.pruned),
            prepared=str(self.prepared),
            tools_dir=str(tools_dir),
            types=("Q8_0", "Q4_0", MIXED),
            importance=str(self.weighed),
        )
        self.outputs, _ = quantize.main(self.spec, run_folder(root / "quantize", self.spec))


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory, models_dir: Path, tools_dir: Path) -> Iterator[Chain]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Chain(tmp_path_factory.mktemp("chain"), models_dir, tools_dir)
    torch.set_num_threads(before)


def test_the_mixed_file_has_the_types_that_were_chosen_and_the_size_asked_for(chain: Chain) -> None:
    sizes = {output.facts["type"]: output.path.stat().st_size for output in chain.outputs}
    assert sizes[MIXED] <= sizes["Q4_0"] + 1024 < sizes["Q8_0"]
    mixed = next(output for output in chain.outputs if output.facts["type"] == MIXED)
    assert describe(mixed.path)["chat_template"] == CHATML
    kinds = {
        tensor.name: GGMLQuantizationType(tensor.tensor_type).name
        for tensor in GGUFReader(mixed.path).tensors
        if len(tensor.shape) > 1
    }
    wanted = json.loads((chain.weighed / "types.json").read_text())["types"]
    assert kinds == wanted


def test_the_engine_serves_the_pruned_model_and_reads_its_trimmed_vocabulary_alike(chain: Chain) -> None:
    folder = chain.pruned / "model"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    mine = Translation(read_kept(folder)).rows(read_prepared(chain.prepared, "train"))[0]
    ids = mine["input_ids"][:60]
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(torch.tensor([ids])).logits
    likeliest = logits[0, -1].topk(3).indices.tolist()
    with (
        temporary_server(chain.outputs[0].path, var=chain.root, context_tokens=512) as (port, key),
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}, timeout=60
        ) as client,
    ):
        asked = {"prompt": ids, "n_predict": 1, "temperature": 0.0, "return_tokens": True}
        said = client.post("/completion", json=asked).raise_for_status().json()
        assert said["tokens"][0] in likeliest
        for text in (
            "Headache for a week, no fever.",
            "Zoledronic ½ µg 五",
            "<|im_start|>user\nCough<|im_end|>",
        ):
            read = client.post("/tokenize", json={"content": text, "parse_special": True}).json()["tokens"]
            assert tokenizer.decode(read) == tokenizer.decode(tokenizer(text).input_ids)


def test_types_that_were_never_chosen_are_asked_for(chain: Chain, tmp_path: Path) -> None:
    spec = QuantizeSpec(**{**chain.spec.to_json(), "types": (MIXED,), "importance": str(tmp_path)})
    with pytest.raises(StageRefusal, match="Run it again"):
        quantize.main(spec, run_folder(tmp_path / "run", spec))
