"""The pages on which a record is erased, and on which one sees what was made of it."""

from collections.abc import Callable
from typing import Any

import model_rows
import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic, User
from dashboard.services.erasure import ServingModel
from records.models import Record
from summaries import deployments
from summaries.engine import served_name
from tests.dashboard.erasing import erase, in_split, shadow_of
from training.models import TrainingRun

pytestmark = pytest.mark.django_db


def test_all_of_a_patient_go_at_once(
    records: list[Record], officer: User, client_for: Callable[[User], Client]
) -> None:
    client, url = client_for(officer), reverse("dashboard:erase_patient", args=[records[1].uuid])
    page = client.get(url).content.decode()
    assert records[0].label in page
    assert records[2].label not in page
    client.post(url, {"label": records[1].label})
    assert [record.number for record in Record.objects.filter(status="erased")] == [1, 2]


def test_the_number_must_be_typed(
    records: list[Record], officer: User, client_for: Callable[[User], Client]
) -> None:
    client, url = client_for(officer), reverse("dashboard:erase_record", args=[records[0].uuid])
    for typed in ("", "R-000002", "yes"):
        answer = client.post(url, {"label": typed})
        assert answer.status_code == 400
        assert Record.objects.filter(status="erased").count() == 0
    answer = client.post(url, {"label": " r-000001 "}, follow=True)
    assert "1 record is erased" in answer.content.decode()
    assert Record.objects.filter(status="erased").count() == 1
    assert client.get(url, follow=True).redirect_chain[-1][0].endswith("/lineage/")


def test_the_form_asks_about_the_deployed_model(
    finished: TrainingRun, alice: User, officer: User, clinic: Clinic, client_for: Callable[[User], Client]
) -> None:
    deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    record, client = in_split("train"), client_for(officer)
    url = reverse("dashboard:erase_record", args=[record.uuid])
    assert "learned from this" in client.get(url).content.decode()
    assert client.post(url, {"label": record.label}).status_code == 400
    client.post(url, {"label": record.label, "serving_model": "keep"})
    artifact = reverse("training:artifact", args=[model_rows.model_of(finished).uuid])
    page = client_for(alice).get(artifact).content.decode()
    assert "Revoked." in page
    assert "still answers" in page
    assert "Revoked" in client.get(reverse("training:artifacts")).content.decode()


def test_the_lineage_page_names_all_that_was_made_of_a_record_before_and_after_its_erasure(
    finished: TrainingRun, alice: User, officer: User, client_for: Callable[[User], Client]
) -> None:
    deployment = deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    record, client = in_split("train"), client_for(officer)
    links = [
        reverse("records:dataset", args=[finished.dataset.uuid]),
        reverse("training:run", args=[finished.uuid]),
        reverse("training:artifact", args=[deployment.artifact.uuid]),
    ]
    url = reverse("dashboard:lineage", args=[record.uuid])
    assert url in client.get(reverse("records:record", args=[record.uuid])).content.decode()
    page = client.get(url).content.decode()
    assert all(link in page for link in links)
    assert deployment.artifact.sha256[:12] in page
    erase([record], officer, ServingModel.STAND_DOWN)
    page = client.get(url).content.decode()
    assert all(link in page for link in links)
    assert "no word of it is left" in page
    for gone in (reverse("records:record", args=[record.uuid]), reverse("records:list"), links[0], links[1]):
        assert client.get(gone).status_code == 200
    assert "was erased" in client.get(links[0]).content.decode()


def test_copies_on_an_engine_elsewhere_are_named_to_be_deleted_by_hand(
    finished: TrainingRun, alice: User, officer: User, settings: Any, client_for: Callable[[User], Client]
) -> None:
    deployed = deployments.deploy(artifact=model_rows.model_of(finished), user=alice)
    beside = shadow_of(deployed, alice)
    names = [served_name(each.artifact.sha256) for each in (deployed, beside)]
    learned, measured, client = in_split("train"), in_split("test"), client_for(officer)

    def erasing(record: Record) -> str:
        return client.get(reverse("dashboard:erase_record", args=[record.uuid])).content.decode()

    assert not any(name in erasing(learned) for name in names), "our own engine deletes its own"
    settings.ENGINE_URL = "http://10.0.0.5:8000"
    assert all(name in erasing(learned) for name in names)
    assert "by hand" in erasing(learned)
    assert not any(name in erasing(measured) for name in names), "it learned nothing from that record"
    erase([learned], officer, ServingModel.KEEP)
    lineage = client.get(reverse("dashboard:lineage", args=[learned.uuid])).content.decode()
    assert all(name in lineage for name in names)


def test_a_model_that_was_never_served_is_looked_for_nowhere(
    finished: TrainingRun, officer: User, settings: Any, client_for: Callable[[User], Client]
) -> None:
    settings.ENGINE_URL = "http://10.0.0.5:8000"
    page = client_for(officer).get(reverse("dashboard:erase_record", args=[in_split("train").uuid]))
    assert "by hand" not in page.content.decode()
