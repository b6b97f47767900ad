"""``manage.py summarize IN.jsonl OUT.jsonl --artifact NAME``: summaries of a file of records, by any artifact or base.

The records are scrubbed on the way in and real values put back on the way out; nothing is stored.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import bar, read_json_lines, ready_member, writing_json_lines
from jobs import catalogue
from jobs.adapters import weights_of
from jobs.model_server import temporary_server
from privacy.placeholders import restore
from records.services.scrubbing import harmless
from summaries.asking import ask
from summaries.deployments import context_tokens, read_at_once
from summaries.engine import EngineClient, EngineError
from summaries.questions import TextRefused, scrub_text
from summaries.styles import DEFAULT
from training.models import ModelArtifact
from training.services.folders import artifact_path

CLIENTS = 4


class Command(BaseCommand):
    help = "Summarize {id, source[, section]} rows into {id, summary} rows."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("input")
        parser.add_argument("output")
        parser.add_argument(
            "--artifact", required=True, help="an artifact's name, or a base model's for comparison"
        )
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")

    def handle(self, *args: Any, **options: Any) -> None:
        member = ready_member(options["clinic"])
        rows = read_json_lines(options["input"], "source")
        path, base, at_once = self._find(options["artifact"], member.membership.clinic_id)
        with _client(path, base) as client, writing_json_lines(options["output"]) as out:

            def summarize(numbered: tuple[int, dict[str, Any]]) -> dict[str, Any]:
                number, row = numbered
                try:
                    scrubbed = scrub_text(row["source"])
                    source, section = scrubbed.texts[0], harmless(str(row.get("section") or ""))
                    prompt = DEFAULT.prompt(source, section)
                    answer = ask(client, "", prompt, source=source, section=section, context_tokens=at_once)
                except (TextRefused, EngineError) as error:
                    raise CommandError(f"Row {number}: {error}") from error
                return {"id": row.get("id", number), "summary": restore(answer.text, scrubbed.originals)}

            with ThreadPoolExecutor(CLIENTS) as pool:
                answers = pool.map(summarize, enumerate(rows, start=1))
                for answer in bar(answers, label="Summarizing", unit="records", total=len(rows)):
                    out.write(answer)
        self.stdout.write(f"{len(rows)} summaries written to {options['output']}.")

    def _find(self, name: str, clinic_id: int) -> tuple[Path, str, int]:
        """The GGUF file of an artifact of the clinic or of a base model, the base's name, and what it reads at once."""
        artifact = ModelArtifact.objects.filter(
            clinic=clinic_id, name=name, kind=ModelArtifact.Kind.GGUF
        ).first()
        if artifact is not None:
            return artifact_path(artifact), artifact.stage.run.base, read_at_once(artifact)
        try:
            return catalogue.installed(name, settings.MODELS_DIR).gguf, name, context_tokens(name)
        except (catalogue.UnknownBase, catalogue.NotFetched) as error:
            raise CommandError(f"No artifact is named {name}. {error}") from error


@contextmanager
def _client(path: Path, base: str) -> Iterator[EngineClient]:
    weights = weights_of(path, catalogue.gguf_of(base, settings.MODELS_DIR))
    template = catalogue.BASES[base].chat_template if base in catalogue.BASES else None
    with temporary_server(
        weights.path,
        var=settings.VAR,
        context_tokens=context_tokens(base),
        chat_template=weights.chat_template or template,
        adapter=weights.adapter,
    ) as (port, api_key):
        yield EngineClient.at(port, api_key)
