"""A privacy officer erases a patient's records in a real browser: sees what goes, decides, types the number, sees it gone."""

from typing import Any

import model_rows
import pytest
from browsing import forget_refusals, keep, sign_in
from django.urls import reverse
from playwright.sync_api import Page, expect

from accounts.models import User
from records.models import PrivacyPolicy, Record
from records.readers import Row
from records.services import retention, uploads
from summaries.deployments import deploy
from summaries.engine import served_name

pytestmark = pytest.mark.browser


def test_a_patient_is_erased_from_records_datasets_and_service(
    page: Page, server: str, alice: User, settings: Any, own_var: Any
) -> None:
    clinic = alice.membership.clinic
    model_rows.pretend_installed(settings, own_var)
    run = model_rows.finished_run(clinic, alice)
    deploy(artifact=model_rows.model_of(run), user=alice)
    learned = Record.objects.get(scrubbed_texts__dataset_items__split="train", number=_first_learned())
    rows = [Row(1, model_rows.NOTE.format(days=2) + " Again.", "Pain.", patient=f"P{learned.number + 1}")]
    uploads.import_rows(clinic=clinic, user=alice, rows=rows)

    sign_in(page, server, "alice")
    page.get_by_role("link", name="Records", exact=True).click()
    expect(page.get_by_text("almost the same as").first).to_be_visible()
    keep(page, "records-near-duplicates")
    page.get_by_role("link", name=learned.label, exact=True).click()
    page.get_by_role("link", name="What became of this record").click()
    expect(page.get_by_role("heading", name="In service")).to_be_visible()
    keep(page, "lineage")

    page.get_by_role("link", name="Erase all 2 records of this patient").click()
    expect(page.get_by_role("heading", name="Must be trained again")).to_be_visible()
    keep(page, "erase")
    page.get_by_label("Keep it in service, marked").check()
    page.get_by_label("to confirm").fill(learned.label)
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text("2 records are erased.")).to_be_visible()
    keep(page, "lineage-erased")
    assert Record.objects.filter(status="erased").count() == 2

    page.get_by_role("link", name=run.dataset.name, exact=True).first.click()
    expect(page.get_by_text("was erased")).to_be_visible()
    keep(page, "dataset-revoked")
    page.get_by_role("link", name="Models", exact=True).click()
    keep(page, "models-revoked")
    page.get_by_role("rowheader", name=f"{run.name} Deployed").get_by_role("link").click()
    expect(page.get_by_text("still answers")).to_be_visible()
    keep(page, "model-revoked")

    PrivacyPolicy.of(clinic)
    PrivacyPolicy.objects.update(keep_originals_days=0)
    retention.apply_retention()
    page.goto(f"{server}/records/?status=approved")
    page.get_by_role("link", name="R-0000").first.click()
    expect(page.get_by_text("The original was deleted on")).to_be_visible()
    keep(page, "record-original-deleted")


def test_copies_on_a_server_elsewhere_are_named_before_and_after(
    page: Page, server: str, alice: User, settings: Any, own_var: Any, complaints: list[str]
) -> None:
    clinic = alice.membership.clinic
    model_rows.pretend_installed(settings, own_var)
    run = model_rows.finished_run(clinic, alice)
    deployment = deploy(artifact=model_rows.model_of(run), user=alice)
    settings.ENGINE_URL = "http://10.0.0.5:8000"
    copy = served_name(deployment.artifact.sha256)
    learned = Record.objects.get(number=_first_learned())

    sign_in(page, server, "alice")
    page.goto(f"{server}{reverse('dashboard:erase_record', args=[learned.uuid])}")
    expect(page.locator("code", has_text=copy)).to_be_visible()
    page.get_by_label("Keep it in service, marked").check()
    page.get_by_label("to confirm").fill("<b>R-1</b>")
    page.get_by_role("button", name="Erase for good").click()
    expect(page.get_by_text(f"That is not {learned.label}. Nothing was erased.")).to_be_visible()
    expect(page.get_by_label("Keep it in service, marked")).to_be_checked()
    keep(page, "erase-copies-elsewhere")
    page.get_by_label("to confirm").fill(learned.label)
    page.get_by_role("button", name="Erase for good").click()
    expect(page.locator("code", has_text=copy)).to_be_visible()
    keep(page, "lineage-copies-elsewhere")
    forget_refusals(complaints, 400)


def _first_learned() -> int:
    learned = Record.objects.filter(scrubbed_texts__dataset_items__split="train")
    return learned.values_list("number", flat=True)[0]
