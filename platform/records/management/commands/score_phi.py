"""``manage.py score_phi GOLD.jsonl``: how much of the gold PHI the scrubber covers, and how much else it takes."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import bar, read_json_lines, table
from privacy.engine import ScrubError, get_scrubber
from privacy.kinds import Kind, Span
from privacy.labels import sort_gold
from privacy.scoring import Score, missed, score

Gold = list[tuple[str, list[Span]]]


class Command(BaseCommand):
    help = (
        "Score the scrubber on rows {text, spans: [{start, end, label}]}. A gold span is caught only if every letter "
        "and digit of it is covered; precision is the share of redacted letters and digits that are gold. What Safe "
        "Harbor lets stand (countries, states, years, ages below 90 …) is no gold; how much was dropped is said."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("gold")
        parser.add_argument("--json", action="store_true", help="print one JSON object; remarks go to stderr")
        parser.add_argument(
            "--safe-harbor",
            action="store_true",
            help="leave ORGANIZATION out of every figure: the rule names employers only as whose identifiers count",
        )
        parser.add_argument(
            "--misses",
            type=int,
            default=0,
            metavar="N",
            help="print N missed spans of each kind to stderr. This prints the text around them: for open gold only",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        gold, dropped = self._gold(options["gold"])
        left_out = (Kind.ORGANIZATION,) if options["safe_harbor"] else ()
        found = self._found(gold)
        result = score(gold, found.__getitem__, left_out)
        for reason, count in sorted(dropped.items()):
            self.stderr.write(f"{count:>6} gold spans stand under the rule: {reason}")
        if left_out:
            count = sum(span.kind in left_out for _, spans in gold for span in spans)
            self.stderr.write(f"{count:>6} gold spans left out of every figure: ORGANIZATION")
        self.stdout.write(json.dumps(result.to_dict()) if options["json"] else _as_table(result, gold))
        self._print_misses(
            [(text, span) for text, span in missed(gold, found.__getitem__) if span.kind not in left_out],
            options["misses"],
        )

    def _gold(self, path: str) -> tuple[Gold, Counter[str]]:
        gold, dropped = Gold(), Counter[str]()
        for number, row in enumerate(read_json_lines(path, "text"), start=1):
            try:
                spans, stands = sort_gold(row["text"], row["spans"])
            except (KeyError, TypeError, ValueError) as error:
                raise CommandError(
                    f"{path}, row {number}: the spans need start, end and a known label."
                ) from error
            if any(not 0 <= span.start < span.end <= len(row["text"]) for span in spans):
                raise CommandError(f"{path}, row {number}: a span lies outside its text.")
            gold.append((row["text"], spans))
            dropped += stands
        return gold, dropped

    def _found(self, gold: Gold) -> dict[str, Sequence[Span]]:
        found: dict[str, Sequence[Span]] = {}
        for number, (text, _) in enumerate(bar(gold, label="Scrubbing", unit="texts"), start=1):
            try:
                found[text] = get_scrubber().find(text)
            except ScrubError as error:
                raise CommandError(f"Text {number} could not be scrubbed: {error}") from error
        return found

    def _print_misses(self, misses: list[tuple[str, Span]], most: int) -> None:
        shown: Counter[Kind] = Counter()
        for text, span in sorted(misses, key=lambda miss: miss[1].kind):
            shown[span.kind] += 1
            if shown[span.kind] <= most:
                before, after = text[max(0, span.start - 40) : span.start], text[span.end : span.end + 25]
                self.stderr.write(f"{span.kind:<13}{before!r} >>{text[span.start : span.end]}<< {after!r}")


def _as_table(result: Score, gold: Gold) -> str:
    counts = Counter(str(span.kind) for _, spans in gold for span in spans)
    rows = [["kind", "spans", "recall", "partial"]]
    for kind, recall in result.recall_by_kind.items():
        rows.append([kind, str(counts[kind]), f"{recall:.4f}", f"{result.partial_by_kind[kind]:.4f}"])
    return (
        f"{table(rows)}\n\n{result.texts} texts, {result.spans} spans. Recall {result.recall:.4f}, character precision "
        f"{result.precision_chars:.4f}, PHI-free texts touched {result.phi_free_touched:.2%}."
    )
