"""``manage.py check_grounding IN.jsonl OUT.jsonl``: does each source bear out its claim?"""

from typing import Any

from django.core.management import BaseCommand, CommandParser

from config.commandline import bar, read_json_lines, writing_json_lines
from grounding.detector import Judged, Judgement, get_detector


class Command(BaseCommand):
    help = (
        "Check claims against their sources. IN holds {id, source, claim}; OUT gets {id, probability, verdict, category, "
        "evidence, sentences}: the probability that something in the claim is not borne out by the source, the verdict of "
        "its worst sentence, and where in the source to look ({start, end, text}). Both files hold the sources' words."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rows")
        parser.add_argument("out")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = read_json_lines(options["rows"], "source", "claim")
        detector = get_detector()
        flagged = 0
        with writing_json_lines(options["out"]) as out:
            for number, row in enumerate(bar(rows, label="Checking", unit="claims"), start=1):
                judged = detector.judge(row["source"], row["claim"])
                out.write({"id": row.get("id", number), **as_row(row["source"], judged)})
                flagged += judged.flagged
        self.stderr.write(f"{flagged} of {len(rows)} claims flagged; written to {options['out']}.")


def as_row(source: str, judged: Judged) -> dict[str, Any]:
    """A text's judgement as JSON; the text's verdict, category and evidence are those of its worst sentence."""
    parts = [_sentence(source, each) for each in judged.sentences]
    nothing: dict[str, Any] = {"verdict": "supported", "category": None, "evidence": []}
    worst = max(parts, key=lambda part: part["probability"], default=nothing)
    return {
        "probability": round(judged.probability, 4),
        "flagged": judged.flagged,
        **{name: worst[name] for name in ("verdict", "category", "evidence")},
        "sentences": parts,
    }


def _sentence(source: str, judgement: Judgement) -> dict[str, Any]:
    return {
        "start": judgement.sentence.start,
        "end": judgement.sentence.end,
        "probability": round(judgement.probability, 4),
        "verdict": judgement.verdict.value,
        "category": judgement.category and judgement.category.value,
        "evidence": [
            {"start": start, "end": end, "text": source[start:end]} for start, end in judgement.evidence
        ],
    }
