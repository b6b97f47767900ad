"""An administrator reads where a model runs, and takes it along. PRECIS_SCREENSHOTS keeps pictures."""

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import model_rows
import pytest
from browsing import keep, sign_in
from playwright.sync_api import Page, expect

from accounts.models import User
from tests.jobs.tiny_gguf import write_tiny_gguf
from training.services.folders import artifact_path

pytestmark = pytest.mark.browser


def test_a_model_is_taken_to_a_machine_without_network(
    page: Page, server: str, alice: User, settings: Any, own_var: Path, tmp_path: Path
) -> None:
    model_rows.pretend_installed(settings, own_var)
    model = model_rows.model_of(model_rows.finished_run(alice.membership.clinic, alice))
    model.sha256 = hashlib.sha256(write_tiny_gguf(artifact_path(model)).read_bytes()).hexdigest()
    model.save()
    sign_in(page, server, "alice")

    page.goto(f"{server}/models/{model.uuid}/")
    expect(page.get_by_role("rowheader", name="Raspberry Pi 5, 4 GB")).to_be_visible()
    keep(page, "where-it-runs")
    with page.expect_download() as started:
        page.get_by_role("link", name="Take it to a machine without network").click()
    saved = tmp_path / started.value.suggested_filename
    started.value.save_as(saved)
    assert saved.name == f"{model.name}-bundle.zip"
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None

    model_rows.memory_test(model.stage.run, drawn_out=1)
    page.reload()
    expect(page.get_by_role("link", name="Take it to a machine without network")).to_have_count(0)
