"""``manage.py compress``: the gentlest way to a size first, a report of what was tried, and a clear end."""

from io import StringIO
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from config.commandline import ready_member
from training.models import ModelArtifact, TrainingRun
from training.services import fitting
from training.services.folders import rows_path

pytestmark = pytest.mark.django_db
GOOD = model_rows.scored_evaluation(invents=24)
POOR = model_rows.scored_evaluation(invents=24, forgets=8)


@pytest.fixture
def whole(settings: Any, own_var: Path) -> ModelArtifact:
    """A model of 144 MB, as far as its row says."""
    model_rows.pretend_installed(settings, own_var)
    member: User = ready_member()
    run = model_rows.finished_run(member.membership.clinic, member, "notes", GOOD)
    rows_path(run).write_text("rows")
    artifact = model_rows.model_of(run)
    artifact.bytes = 144_000_000
    artifact.save()
    return artifact


def compress(*arguments: str) -> str:
    out = StringIO()
    call_command("compress", *arguments, stdout=out)
    return out.getvalue()


def test_numbers_are_stored_more_briefly_before_anything_is_left_out(whole: ModelArtifact) -> None:
    first, *later = fitting.tries(whole, 100_000_000, 2.0)
    assert (first.cut, first.types, first.mixed_like) == ("none", ("Q5_K", "Q5_0", "Q4_K"), "Q5_K")
    assert [chosen.cut for chosen in later] == ["light", "deep"]
    assert later[1].types[0] == "Q8_0", "with less of it there is room for more bits"
    assert fitting.tries(whole, 10_000_000, 2.0) == []


def test_it_goes_on_until_a_file_fits_and_lost_little_enough(
    whole: ModelArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def work(run: TrainingRun, member: User, **_: Any) -> None:
        tried.append(run.options["smaller"]["cut"])
        model_rows.finish_smaller(run, {"Q4_K": GOOD if len(tried) == 2 else POOR})

    monkeypatch.setattr("training.management.commands.compress.work", work)
    said = compress("notes", "--budget", "100MB")
    assert tried == ["none", "light"]
    assert "notes-small-2-q4_k fits: manage.py deploy notes-small-2-q4_k" in said
    assert "It lost" in said
    assert "too large" in said
    assert compress("notes", "--budget", "100 mb").endswith(said.splitlines()[-1] + "\n")
    assert tried == ["none", "light"], "what was made before is not made again"


def test_an_end_without_a_fit_is_said_to_be_one(
    whole: ModelArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "training.management.commands.compress.work",
        lambda run, *_, **__: model_rows.finish_smaller(run, {"Q4_K": POOR}),
    )
    with pytest.raises(CommandError, match="None of these is small enough"):
        compress("notes", "--budget", "100MB")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["notes", "--budget", "small"], "for example 80MB"),
        (["notes", "--budget", "5MB"], "could come to about 47 MB"),
        (["other", "--budget", "80MB"], "There are: notes"),
        (["notes", "--budget", "80MB", "--most-lost", "-1"], "0 to 100"),
    ],
)
def test_what_cannot_be_done_is_told_with_what_can(
    whole: ModelArtifact, arguments: list[str], why: str
) -> None:
    with pytest.raises(CommandError, match=why):
        compress(*arguments)
