"""An erased record's summaries go, with all that people wrote about them."""

from pathlib import Path

import model_rows
import pytest

from accounts.models import Clinic, User
from audit import log
from audit.models import AuditEntry
from config import vault
from dashboard.services import erasure
from dashboard.services.erasure import ServingModel
from dashboard.services.lineage import patient_records
from records import store
from records.models import (
    Record,
)
from records.services import review, scrubbing
from summaries import deployments
from summaries.corrections import hand_on
from summaries.models import ShadowAnswer, Summary, SummaryReview
from tests.dashboard.erasing import THINGS, corrected, erase, in_split, readable, shadow_of, words_of
from training.models import TrainingRun

pytestmark = pytest.mark.django_db


def test_summaries_of_it_go_and_those_of_others_stay(
    finished: TrainingRun, officer: User, alice: User, clinic: Clinic
) -> None:
    deployment = deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    beside = shadow_of(deployment, alice)
    for record in Record.objects.all():
        summary = Summary(
            clinic=clinic,
            deployment=deployment,
            author=alice,
            scrubbed_text=review.latest_text(record),
            seconds=1,
            generated_tokens=1,
            source_seal="0" * 64,
        )
        summary.blob = vault.encrypt(clinic.wrapped_key, f"summary:{summary.uuid}", words_of(record).encode())
        summary.save()
        beside.answers.create(summary=summary, blob=summary.blob)
    record = in_split("train")
    erase([record], officer, ServingModel.KEEP)
    assert Summary.objects.count() == ShadowAnswer.objects.count() == len(THINGS) - 1
    assert AuditEntry.objects.get(action="erase_summaries").facts == {"summaries": 1, "reviews": 0}


def test_what_people_wrote_about_its_summaries_goes_with_it(
    finished: TrainingRun, officer: User, alice: User, clinic: Clinic, own_var: Path
) -> None:
    """Edits and accepted texts, and the record that was made of a correction to train on."""
    deployment = deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    record, other = in_split("train"), in_split("test")
    for each in (record, other):
        corrected(each, alice, deployment)
    hand_on(clinic=clinic, user=alice)
    for made in Record.objects.filter(corrections__isnull=False).select_related("clinic"):
        scrubbing.scrub_record(record=made)
    plan = erasure.plan_erasure([record])
    assert [each.kind for each in plan.records] == ["", "corrected summary"]
    assert f"{words_of(record)}, corrected" in readable(own_var)
    assert erase([record], officer, ServingModel.KEEP) == 2
    assert words_of(record) not in readable(own_var)
    assert f"{words_of(other)}, corrected" in readable(own_var)
    facts = AuditEntry.objects.filter(action="erase_summaries", subject_id=str(record.uuid)).get().facts
    assert facts == {"summaries": 2, "reviews": 1}
    assert log.faults(clinic) == []


def test_a_record_made_of_a_correction_takes_the_summary_with_it(
    finished: TrainingRun, officer: User, alice: User, clinic: Clinic
) -> None:
    """They say the same; the record that was summarized is another one, of the same patient, and stays."""
    deployment = deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    record = in_split("train")
    review_of = corrected(record, alice, deployment)
    hand_on(clinic=clinic, user=alice)
    made = Record.objects.select_related("clinic").get(corrections=review_of)
    scrubbing.scrub_record(record=made)
    assert record in patient_records(made)
    erase([made], officer)
    assert not Summary.objects.filter(pk=review_of.summary_id).exists()
    assert not SummaryReview.objects.exists()
    assert store.has_original(record)
