"""The page and the command that show what is trained, masked and cut."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from config.commandline import ready_member
from training.models import TrainingRun
from training.services.erasure import erase_from_folder

ClientFor = Callable[[User], Client]


@pytest.fixture
def run(clinic: Clinic, admin: User, settings: Any, own_var: Path) -> TrainingRun:
    model_rows.pretend_installed(settings, own_var)
    return model_rows.training_run(clinic, admin)


@pytest.fixture
def shown(run: TrainingRun) -> TrainingRun:
    model_rows.write_preview(run)
    return run


def page(client: Client, run: TrainingRun) -> str:
    response = client.get(reverse("training:run_tokens", args=[run.uuid]))
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    return response.content.decode()


def test_each_token_is_shown_with_what_becomes_of_it(
    shown: TrainingRun, clinician: User, client_for: ClientFor
) -> None:
    content = page(client_for(clinician), shown)
    assert '<p class="tokens kind-trained"' in content
    assert "<span>Chest</span><span> pain</span><span>.</span>" in content
    assert "<span>&lt;|im_end|&gt;</span>" in content
    assert "<span>↵\n</span>" in content
    assert "the longest, drawn at random · 6 tokens read, 4 tokens learned" in content
    assert "2 tokens too many" in content


def test_rows_that_are_left_out_are_named_with_what_to_do(
    shown: TrainingRun, admin: User, client_for: ClientFor
) -> None:
    content = page(client_for(admin), shown)
    assert "Left out" in content
    assert "The summary is longer than the record: 2 records" in content
    assert "R-000004, R-000009" in content


def test_each_look_is_an_audit_entry(shown: TrainingRun, admin: User, client_for: ClientFor) -> None:
    page(client_for(admin), shown)
    entry = AuditEntry.objects.get(action="view_token_preview")
    assert (entry.actor, entry.subject_id) == (admin, str(shown.uuid))


def test_before_there_are_tokens_the_page_says_so(
    run: TrainingRun, admin: User, client_for: ClientFor
) -> None:
    assert "There is nothing to show" in page(client_for(admin), run)


def test_the_run_page_leads_there(run: TrainingRun, admin: User, client_for: ClientFor) -> None:
    content = client_for(admin).get(reverse("training:run", args=[run.uuid])).content.decode()
    assert reverse("training:run_tokens", args=[run.uuid]) in content


def test_it_goes_with_an_erased_record(shown: TrainingRun, admin: User, client_for: ClientFor) -> None:
    erase_from_folder(shown, ["R-000003"])
    assert "There is nothing to show" in page(client_for(admin), shown)


def test_the_command_shows_a_run_too(
    clinic: Clinic, shown: TrainingRun, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("preview_tokens", shown.name)
    out = capsys.readouterr().out
    assert "MASKED" in out
    assert " TRAINED Chest| pain|.\n" in out
    assert "     END <|im_end|>\n" in out
    call_command("preview_tokens", shown.name, "--json")
    assert json.loads(capsys.readouterr().out)["limit"] == 2048


def test_the_command_says_what_it_needs(clinic: Clinic, run: TrainingRun, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no preview"):
        call_command("preview_tokens", run.name)
    with pytest.raises(CommandError, match="--base"):
        call_command("preview_tokens", "winter")
    with pytest.raises(CommandError, match="neither a file nor a frozen dataset"):
        call_command("preview_tokens", "winter", "--base", model_rows.BASE)


def test_a_look_from_the_shell_is_an_audit_entry_too(clinic: Clinic, shown: TrainingRun) -> None:
    call_command("preview_tokens", shown.name, "--json")
    assert AuditEntry.objects.get(action="view_token_preview").actor == ready_member()
