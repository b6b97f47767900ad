"""Leave out of a model what its clinic's records do not need: layers, MLP channels, attention groups, tokens.

Reads the base or a tuned model and prepared rows; writes ``artifact/model``, an ordinary checkpoint that transformers
and the GGUF converter load as they load any other, and ``artifact/pruning.json``. What a model loses by it, the distill
stage heals.

    python -m jobs.stages.prune RUNDIR
"""

import random
from pathlib import Path
from typing import Any

from jobs.catalogue import installed
from jobs.progress import report
from jobs.rundir import RunDir, write_json_atomic
from jobs.specs import PruneSpec
from jobs.stages import prune_depth, prune_vocabulary, prune_width
from jobs.stages.entry import Output, StageRefusal, start
from jobs.stages.packing import Row
from jobs.stages.prepared import read_prepared
from jobs.stages.sources import Source, Translation, load_source, save_source
from jobs.stages.weights import load_model


def main(spec: PruneSpec, run: RunDir) -> tuple[list[Output], dict[str, Any]]:
    report(run, done=0, total=0, unit="rows", message="loading the model")
    source = load_source(installed(spec.base, Path(spec.models_dir)), spec.model)
    train = read_prepared(Path(spec.prepared), "train")
    if not train:
        raise StageRefusal("There are no prepared training rows. Run the prepare stage again.")
    before = _shape(source)
    _refuse_too_much(spec, before)
    if spec.trim_vocabulary:
        report(run, done=0, total=0, unit="rows", message="trimming the vocabulary")
        source = _trim_vocabulary(spec, source, train, run.path / "tokenizer")
    rows = Translation(source.kept).rows(random.Random(spec.seed).sample(train, min(spec.rows, len(train))))
    facts: dict[str, Any] = {"rows": len(rows)}
    facts |= _prune_depth(spec, source, rows, run)
    facts |= _prune_width(spec, source, rows, run)
    report(run, done=0, total=0, unit="rows", message="writing the model")
    facts |= {"before": before, "after": _shape(source)}
    output = save_source(source, run.artifact, {"spec": spec.to_json(), "pruning": facts})
    if (
        sum(each.numel() for each in load_model(output.path.parent, source.model.dtype).parameters())
        != (facts["after"]["parameters"])
    ):
        raise StageRefusal("The pruned model does not come back as it was written. Report this.")
    write_json_atomic(run.artifact / "pruning.json", facts)
    output.facts |= {"base": spec.base, "parameters": facts["after"]["parameters"]}
    return [output, Output("report", run.artifact / "pruning.json")], facts


def _shape(source: Source) -> dict[str, int]:
    config = source.model.config
    return {
        "parameters": sum(each.numel() for each in source.model.parameters()),
        "layers": config.num_hidden_layers,
        "mlp_channels": config.intermediate_size,
        "kv_heads": config.num_key_value_heads,
        "vocabulary": config.vocab_size,
    }


def _refuse_too_much(spec: PruneSpec, before: dict[str, int]) -> None:
    for name in ("layers", "mlp_channels", "kv_heads"):
        if getattr(spec, name) > before[name]:
            raise StageRefusal(f"The model has {before[name]} {name}; keep so many at most.")


def _trim_vocabulary(spec: PruneSpec, source: Source, train: list[Row], scratch: Path) -> Source:
    rows = [row["input_ids"] for row in Translation(source.kept).rows(train)]
    if len(rows) < len(train):
        raise StageRefusal("These rows hold tokens that were trimmed away before. Prune with the same rows.")
    seen = {token for ids in rows for token in ids}
    if spec.kept_text:
        text = Path(spec.kept_text).read_text(encoding="utf-8")
        seen.update(
            *(source.tokenizer(line, add_special_tokens=False).input_ids for line in text.splitlines())
        )
    kept = prune_vocabulary.tokens_to_keep(source.tokenizer, seen, spec.common_tokens)
    trimmed = prune_vocabulary.trim_tokenizer(source.tokenizer, kept, scratch)
    if changed := prune_vocabulary.count_changed(source.tokenizer, trimmed, kept, rows):
        raise StageRefusal(
            f"{changed} rows would be tokenized otherwise by the trimmed vocabulary. Keep it whole."
        )
    prune_vocabulary.keep_tokens(source.model, kept)
    return Source(source.model, trimmed, kept if source.kept is None else [source.kept[old] for old in kept])


def _prune_depth(spec: PruneSpec, source: Source, rows: list[Row], run: RunDir) -> dict[str, Any]:
    if not spec.layers:
        return {}
    influence = prune_depth.block_influence(source.model, rows, _told(run, rows, "weighing the layers"))
    chosen = prune_depth.choose_layers(influence, prune_depth.kinds_of(source.model), spec.layers)
    prune_depth.keep_layers(source.model, chosen)
    return {"influence": [round(value, 4) for value in influence], "layers_kept": chosen}


def _prune_width(spec: PruneSpec, source: Source, rows: list[Row], run: RunDir) -> dict[str, Any]:
    """Both are weighed on the whole, before either is cut."""
    model, facts = source.model, {}
    channels = groups = None
    if spec.mlp_channels:
        channels = prune_width.channel_importance(model, rows, _told(run, rows, "weighing the MLP channels"))
        shares = [(each.topk(spec.mlp_channels).values.sum() / each.sum()).item() for each in channels]
        facts["importance_kept"] = [round(share, 4) for share in shares]
    if spec.kv_heads:
        groups = prune_width.group_importance(model, rows, _told(run, rows, "weighing the attention"))
        facts["kv_heads_kept"] = [prune_width.best(scores, spec.kv_heads).tolist() for scores in groups]
    if channels is not None:
        prune_width.keep_channels(model, spec.mlp_channels, channels)
    if groups is not None:
        prune_width.keep_groups(model, spec.kv_heads, groups)
    return facts


def _told(run: RunDir, rows: list[Row], message: str) -> Any:
    return lambda done: report(run, done=done, total=len(rows), unit="rows", message=message)


if __name__ == "__main__":
    start("prune", main)
