"""``manage.py train --data F --valid F --base NAME --name NAME``: from two files to a scored, quantized model.

The rows take the same way as in the pages: imported, scrubbed, frozen, trained on by the same stages.
"""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts.models import User
from config.commandline import bar, ready_member
from jobs.specs import METHODS
from records import readers
from records.models import Dataset, Record
from records.readers import Row
from records.services import datasets, review, scrubbing, uploads
from training import display
from training.management.working import work
from training.memory_words import in_words
from training.options import TEACH, RunOptions, files_to_make
from training.report import before_and_after
from training.services import grounded, runs, teachers
from training.services.memory import memory_of

REFUSALS = (
    ValueError,
    runs.RunRefused,
    teachers.TeacherRefused,
    readers.UnreadableFile,
    datasets.NotEnoughRecords,
)


class Command(BaseCommand):
    help = "Fine-tune a base model on a file of records and summaries, quantize it and score it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--base", required=True, help="a base model's name (see fetch_model)")
        parser.add_argument("--name", required=True, help="the run's name, and its artifact's")
        parser.add_argument("--clinic", help="needed only where several clinics live on this machine")
        _add_rows(parser)
        _add_learning(parser)
        _add_teacher(parser)
        _add_judging(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        member = ready_member(options["clinic"])
        try:
            self._set_aside: bool = options["set_aside"]
            clinic = member.membership.clinic
            teacher = teachers.find(clinic, options["teacher"]).key if options["teacher"] else ""
            chosen = _chosen(options, teacher)
            runs.check(clinic=clinic, name=options["name"], base=options["base"])
            train = self._read(options["data"], needs_summary=not teacher)
            valid = self._read(options["valid"])
            train = train[: options["limit"] or None]
            dataset = self._freeze(member, options["name"], train, valid)
            run = runs.start_run(
                clinic=clinic,
                user=member,
                name=options["name"],
                dataset=dataset,
                base=options["base"],
                options=chosen,
                nudge=False,
            )
        except REFUSALS as error:
            raise CommandError(str(error)) from error
        work(run, member, say=self.stdout.write, warn=self.stderr.write)
        if taught := display.taught(run):
            self.stdout.write(taught.words)
        self.stdout.write(before_and_after(run))
        if remembered := in_words(memory_of(run)):
            self.stdout.write(remembered)
        if invented := grounded.refusal_of(run):
            self.stdout.write(f"{run.name} cannot be deployed. {invented}")
        elif not memory_of(run).refusal:
            self.stdout.write(f"Artifact {run.name} is ready: manage.py deploy {run.name}")

    def _read(self, path: str, *, needs_summary: bool = True) -> list[Row]:
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}.") from error
        reading = readers.read(readers.suffix_of(path), data)
        for fault in reading.errors:
            self._leave_out(f"{path}, row {fault.number}: {fault.message}")
        rows = reading.rows
        if needs_summary:
            if without := [row.number for row in rows if not row.target.strip()]:
                self._leave_out(f"{path}: rows {_numbers(without)} have no summary.")
            rows = [row for row in rows if row.target.strip()]
        if not rows:
            sides = "both a record and a summary" if needs_summary else "a record"
            raise CommandError(f"{path}: no row has {sides}.")
        return rows

    def _freeze(self, member: User, name: str, train: Sequence[Row], valid: Sequence[Row]) -> Dataset:
        clinic = member.membership.clinic
        records = uploads.import_rows(clinic=clinic, user=member, rows=[*train, *valid]).records
        waiting = [record for record in records if record.status == Record.Status.RECEIVED]
        for record in bar(waiting, label="Scrubbing", unit="records"):
            scrubbing.scrub_record(record=record)
        # Whoever starts this command vouches for the rows, as the officer's review does in the pages.
        review.approve_records(clinic=clinic, records=records, reviewer=member, reason="manage.py train")
        usable = Record.objects.in_bulk([record.pk for record in records])
        kept = [usable[r.pk] for r in records if usable[r.pk].status == Record.Status.APPROVED]
        if len(kept) < len(records):
            self.stderr.write(f"{len(records) - len(kept)} rows were quarantined and are left out.")
        held_out = {record.pk for record in records[len(train) :]}
        # A refusal takes the frozen dataset, and with it the name, back.
        with transaction.atomic():
            dataset, shared = datasets.freeze_as_given(
                clinic=clinic,
                name=name,
                user=member,
                attestation="manage.py train",
                train=_once(record for record in kept if record.pk not in held_out),
                valid=_once(record for record in kept if record.pk in held_out),
            )
            # A text that stands in both files to the letter is one record.
            left_out = held_out | {record.pk for record in shared}
            if rows := [
                row.number for row, record in zip(train, records, strict=False) if record.pk in left_out
            ]:
                self._leave_out(
                    f"Training rows {_numbers(rows)} stand in the held-out file too, or share a patient with it."
                )
        return dataset

    def _leave_out(self, fault: str) -> None:
        if not self._set_aside:
            raise CommandError(f"{fault} Correct it, or run without --no-set-aside to leave it out.")
        self.stderr.write(f"{fault} Left out.")


def _add_rows(parser: CommandParser) -> None:
    group = parser.add_argument_group("rows")
    group.add_argument("--data", required=True, help="training rows: {id, source, target[, section]}")
    group.add_argument("--valid", required=True, help="held-out rows, same form")
    group.add_argument("--limit", type=int, default=0, help="use the first N training rows only")
    group.add_argument(
        "--max-tokens",
        type=int,
        default=RunOptions.max_tokens,
        help="read so much at once, record and summary together; longer records are taken in pieces",
    )
    group.add_argument(
        "--set-aside",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="leave rows with a fault out and name them; --no-set-aside stops instead",
    )


def _add_learning(parser: CommandParser) -> None:
    group = parser.add_argument_group("learning")
    group.add_argument("--epochs", type=float, default=RunOptions.epochs)
    group.add_argument("--method", choices=METHODS, default=RunOptions.method)
    group.add_argument("--seed", type=int, default=RunOptions.seed)
    group.add_argument(
        "--dp-epsilon",
        type=float,
        default=RunOptions.dp_epsilon,
        help="train with differential privacy of each row: 8 is usual, 0 for none; slower, and the model is worse",
    )


def _add_teacher(parser: CommandParser) -> None:
    group = parser.add_argument_group("a teacher")
    group.add_argument(
        "--teacher",
        default="",
        help="a model that summarizes training rows, for the base to learn from: an artifact's name, an untouched "
        "base's, or PRECIS_TEACHER_MODEL; its tokenizer may be another",
    )
    group.add_argument(
        "--teach",
        choices=TEACH,
        default=RunOptions.teach,
        help="what the teacher summarizes: rows without a summary (missing), or all, those then having two",
    )
    group.add_argument(
        "--teacher-drafts",
        type=int,
        default=RunOptions.teacher_drafts,
        help="summaries that the teacher writes of each row; one is chosen",
    )


def _add_judging(parser: CommandParser) -> None:
    group = parser.add_argument_group("what is made, and how it is judged")
    group.add_argument(
        "--as-adapter",
        action="store_true",
        help="make an adapter on the shared base and score that: pays where models of several clinics answer on "
        "one machine",
    )
    group.add_argument("--evaluate-rows", type=int, default=40, help="score on N held-out rows (0: all)")
    group.add_argument(
        "--most-invented",
        type=float,
        default=RunOptions.most_invented,
        help="of 100 sentences, so many more than in the clinicians' own summaries may lack the record's support; a "
        "model that surely has more is not deployed",
    )
    group.add_argument(
        "--canaries",
        action="store_true",
        help="plant made-up codes among the training rows and try to draw them out of the model",
    )


def _chosen(options: dict[str, Any], teacher: str) -> RunOptions:
    """An option that is called as a field of ``RunOptions`` is that field. Raises ``ValueError`` with advice."""
    taken = {field.name: options[field.name] for field in fields(RunOptions) if field.name in options}
    return RunOptions(
        **taken | {"teacher": teacher, "types": files_to_make(as_adapter=options["as_adapter"])}
    )


def _once(records: Any) -> list[Record]:
    return list({record.pk: record for record in records}.values())


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:10]))
    return shown if len(numbers) <= 10 else f"{shown} and {len(numbers) - 10} more"
