"""Two models on the same records: the paired test, what it refuses, its page and its command."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import model_rows
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from audit.models import AuditEntry
from training.models import ModelArtifact
from training.services.comparing import NotComparable, compare, open_pairs
from training.services.erasure import erase_from_folder

ClientFor = Callable[[User], Client]


@pytest.fixture(autouse=True)
def installed(settings: Any, own_var: Path) -> None:
    model_rows.pretend_installed(settings, own_var)


def model(clinic: Clinic, user: User, name: str, **evaluation: int) -> ModelArtifact:
    found = model_rows.scored_evaluation(**evaluation)
    return model_rows.model_of(model_rows.finished_run(clinic, user, name, found))


@pytest.fixture
def careless(clinic: Clinic, alice: User) -> ModelArtifact:
    """Every second of its numbers is invented."""
    return model(clinic, alice, "careless", invents=2)


@pytest.fixture
def careful(clinic: Clinic, alice: User) -> ModelArtifact:
    return model(clinic, alice, "careful", invents=24)


def page(client: Client, first: ModelArtifact, second: Any = None) -> Any:
    query = {"with": str(getattr(second, "uuid", second))} if second else {}
    return client.get(reverse("training:artifact_compare", args=[first.uuid]), query)


def test_the_one_that_invents_less_is_found(careless: ModelArtifact, careful: ModelArtifact) -> None:
    compared = compare(careless, careful)
    assert (compared.rows, compared.only_first, compared.only_second) == (24, 0, 0)
    strange = next(each for each in compared.scores if each.measure.key == "with_novel_numbers")
    assert strange.test is not None
    assert strange.gain < -40
    assert (strange.verdict, strange.test["p"] < 0.01) == ("better", True)
    back = next(each for each in compare(careful, careless).scores if each.measure == strange.measure)
    assert (back.gain, back.verdict) == (-strange.gain, "worse")


def test_only_records_that_both_were_scored_on_count(
    clinic: Clinic, alice: User, careless: ModelArtifact
) -> None:
    later = model(clinic, alice, "later", invents=24, since=10, rows=30)
    compared = compare(careless, later)
    assert (compared.rows, compared.only_first, compared.only_second) == (14, 10, 16)
    shown = open_pairs(comparison=compared, user=alice)
    assert shown
    assert all(sample.first.startswith("Chest pain") and sample.source for sample in shown)


def test_a_record_whose_words_changed_is_not_the_same_record(
    clinic: Clinic, alice: User, careless: ModelArtifact
) -> None:
    evaluation = model_rows.scored_evaluation()
    evaluation["per_row"]["digests"][3] = "0" * 32
    other = model_rows.model_of(model_rows.finished_run(clinic, alice, "other", evaluation))
    assert compare(careless, other).rows == 23


@pytest.mark.parametrize(
    ("since", "told"), [(19, "5 records in common; 6 are needed"), (100, "0 records in")]
)
def test_too_few_records_in_common_are_refused(
    clinic: Clinic, alice: User, careless: ModelArtifact, since: int, told: str
) -> None:
    with pytest.raises(NotComparable, match=told):
        compare(careless, model(clinic, alice, "other", since=since))


def test_what_has_no_scores_of_each_record_is_refused(
    clinic: Clinic, alice: User, careless: ModelArtifact
) -> None:
    old = model_rows.model_of(model_rows.finished_run(clinic, alice, "old"))
    unscored = ModelArtifact.objects.get(name="old-q4_k")
    for other, told in ((old, "earlier version"), (unscored, "not evaluated"), (careless, "two different")):
        with pytest.raises(NotComparable, match=told):
            compare(careless, other)


def test_an_erased_record_leaves_the_comparison_and_the_samples(
    alice: User, careless: ModelArtifact, careful: ModelArtifact
) -> None:
    gone = open_pairs(comparison=compare(careless, careful), user=alice)[0].id
    erase_from_folder(careless.stage.run, [gone])
    compared = compare(careless, careful)
    assert (compared.rows, compared.only_second) == (23, 1)
    assert gone not in {sample.id for sample in open_pairs(comparison=compared, user=alice)}


def test_the_page_shows_both_with_the_record_and_writes_down_the_look(
    careless: ModelArtifact, careful: ModelArtifact, clinician: User, client_for: ClientFor
) -> None:
    response = page(client_for(clinician), careless, careful)
    content = response.content.decode()
    assert "24 records in common" in content
    assert "Summaries with a number not in the record" in content
    assert "The pain &lt;b&gt;radiates&lt;/b&gt;" in content
    assert "Not in the record: 5" in content
    assert "no-store" in response["Cache-Control"]
    looks = AuditEntry.objects.filter(action="view_samples", actor=clinician)
    assert {entry.subject_id for entry in looks} == {str(careless.uuid), str(careful.uuid)}
    assert "radiates" not in json.dumps(list(looks.values_list("facts", flat=True)))


def test_the_page_offers_the_other_evaluated_models(
    careless: ModelArtifact, careful: ModelArtifact, clinician: User, client_for: ClientFor
) -> None:
    content = page(client_for(clinician), careless).content.decode()
    assert content.count("<option") == 1
    assert str(careful.uuid) in content
    assert not AuditEntry.objects.filter(action="view_samples").exists()


def test_a_refusal_is_explained_on_the_page(
    clinic: Clinic, alice: User, careless: ModelArtifact, client_for: ClientFor
) -> None:
    other = model(clinic, alice, "elsewhere", since=100)
    response = page(client_for(alice), careless, other)
    assert response.status_code == 409
    assert "Train both on the same dataset" in response.content.decode()


def test_a_model_of_another_clinic_is_not_found_on_either_side(
    careless: ModelArtifact, bob: User, alice: User, client_for: ClientFor
) -> None:
    theirs = model(bob.membership.clinic, bob, "theirs")
    for user, first, second in ((alice, careless, theirs), (bob, careless, theirs), (bob, theirs, careless)):
        assert page(client_for(user), first, second).status_code == 404
        assert AuditEntry.objects.filter(actor=user, outcome="DENY").exists()
    for nonsense in ("x", "../", "00000000-0000-4000-8000-000000000000"):
        assert page(client_for(alice), careless, nonsense).status_code == 404
    assert not AuditEntry.objects.filter(action="view_samples").exists()


def test_the_command_prints_a_table_or_json(careless: ModelArtifact, careful: ModelArtifact) -> None:
    def run(*options: str) -> str:
        out = StringIO()
        call_command("compare", "careless", "careful", *options, stdout=out)
        return out.getvalue()

    assert "24 records in common" in run()
    assert "ROUGE-1" in run()
    facts = json.loads(run("--json"))
    assert facts["rows"] == 24
    assert facts["measures"]["with_novel_numbers"]["difference"]["p"] < 0.01
    assert "radiat" not in run("--json")
    with pytest.raises(CommandError, match="careful, careless"):
        call_command("compare", "careless", "nobody")
