"""``manage.py score_grounding GOLD.jsonl``: how well the detector tells borne-out claims from the others."""

import json
import math
from collections import defaultdict
from statistics import fmean
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from config.commandline import bar, read_json_lines, table
from grounding.detector import Detector, Judged, get_detector
from grounding.evidence import Record
from grounding.scoring import (
    LEXICAL_THRESHOLD,
    area_under_curve,
    balanced_accuracy,
    calibration_error,
    lexical,
)


class Command(BaseCommand):
    help = (
        "Score the shipped detector, at its shipped threshold, on rows {source, claim, hallucinated: 0 or 1}. Rows with "
        "“claims”, a list, count as one row each claim, all borne out unless the label says otherwise. Beside it stands "
        "the lexical floor: the share of a claim's words that the source lacks. A row's “type” gives its own recall."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("gold")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--label", default="hallucinated", help="the field that tells; default: hallucinated"
        )
        parser.add_argument(
            "--below",
            type=float,
            help="a claim is hallucinated where the label's field is below this number, such as 1",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        rows = self._rows(options)
        detector = get_detector()
        judged = self._judged(detector, rows)
        result = figures(rows, judged)
        self.stdout.write(json.dumps(result) if options["json"] else as_table(result))

    def _rows(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        rows = []
        for number, row in enumerate(read_json_lines(options["gold"], "source"), start=1):
            claims = row["claims"] if isinstance(row.get("claims"), list) else [row.get("claim")]
            if not claims or not all(isinstance(claim, str) for claim in claims):
                raise CommandError(
                    f"{options['gold']}, row {number}: needs the text “claim”, or “claims”, a list of texts."
                )
            wrong = self._wrong(row, options, number, isinstance(row.get("claims"), list))
            rows += [
                {"source": row["source"], "claim": claim, "wrong": wrong, "type": row.get("type")}
                for claim in claims
            ]
        return rows

    def _wrong(self, row: dict[str, Any], options: dict[str, Any], number: int, listed: bool) -> float:
        value = row.get(options["label"], 0 if listed else None)
        if not isinstance(value, int | float):
            raise CommandError(
                f"{options['gold']}, row {number}: the field “{options['label']}” must be a number. Name it with --label."
            )
        if options["below"] is not None:
            return float(value < options["below"])
        if value not in (0, 1):
            raise CommandError(
                f"{options['gold']}, row {number}: “{options['label']}” is neither 0 nor 1. Give --below NUMBER."
            )
        return float(value)

    def _judged(self, detector: Detector, rows: list[dict[str, Any]]) -> list[Judged]:
        records: dict[str, Record] = {}
        judged = []
        for row in bar(rows, label="Checking", unit="claims"):
            if row["source"] not in records:
                records = {row["source"]: Record(row["source"])}
            judged.append(detector.judge_against(records[row["source"]], row["claim"]))
        return judged


def figures(rows: list[dict[str, Any]], judged: list[Judged]) -> dict[str, Any]:
    wrong = [row["wrong"] for row in rows]
    chances = [each.probability for each in judged]
    flags = [each.flagged for each in judged]
    floor = [lexical(row["source"], row["claim"]) for row in rows]
    by_type: dict[str, list[bool]] = defaultdict(list)
    for row, flag in zip(rows, flags, strict=True):
        by_type[row["type"] or ("hallucinated" if row["wrong"] else "supported")].append(flag)
    numbers = {
        "auroc": area_under_curve(chances, wrong),
        "balanced_accuracy": balanced_accuracy(flags, wrong),
        "ece": calibration_error(chances, wrong),
        "flagged_share": fmean(flags),
        "lexical_auroc": area_under_curve(floor, wrong),
        "lexical_balanced_accuracy": balanced_accuracy([each >= LEXICAL_THRESHOLD for each in floor], wrong),
    }
    return {
        **{name: None if math.isnan(value) else round(value, 4) for name, value in numbers.items()},
        "by_type": {
            name: {"rows": len(hits), "flagged_share": round(fmean(hits), 4)}
            for name, hits in sorted(by_type.items())
        },
        "rows": len(rows),
    }


def as_table(result: dict[str, Any]) -> str:
    def shown(value: float | None) -> str:
        return "one kind of row only" if value is None else f"{value:.4f}"

    lines = [["", "detector", "lexical floor"]]
    lines += [
        [name, shown(result[name]), shown(result[f"lexical_{name}"])]
        for name in ("auroc", "balanced_accuracy")
    ]
    lines += [[name, shown(result[name]), ""] for name in ("ece", "flagged_share")]
    types = [["type", "rows", "flagged"]]
    types += [
        [name, str(each["rows"]), f"{each['flagged_share']:.2%}"] for name, each in result["by_type"].items()
    ]
    return f"{table(lines)}\n\n{table(types)}\n\n{result['rows']} claims."
