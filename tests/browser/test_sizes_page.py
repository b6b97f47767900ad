"""An administrator looks at all sizes of a model, sees which may not be deployed, and starts another."""

from pathlib import Path
from typing import Any

import model_rows
import pytest
from browsing import keep, sign_in
from playwright.sync_api import Page, expect

from accounts.models import User
from training.models import ModelArtifact
from training.services.folders import rows_path

pytestmark = pytest.mark.browser


def test_a_size_is_chosen_and_another_started(
    page: Page, server: str, alice: User, settings: Any, own_var: Path
) -> None:
    model_rows.pretend_installed(settings, own_var)
    good = model_rows.scored_evaluation(invents=24)
    source = model_rows.finished_run(alice.membership.clinic, alice, "notes", good)
    rows_path(source).write_text("rows")
    poor = model_rows.scored_evaluation(invents=24, forgets=8)
    model_rows.smaller_run(source, alice, "notes-small-1", {"Q6_K": good, "Q4_K": poor})
    sizes = {"notes": 144_800_000, "notes-small-1-q6_k": 138_000_000, "notes-small-1-q4_k": 105_500_000}
    for name, size in sizes.items():
        ModelArtifact.objects.filter(name=name).update(bytes=size)

    sign_in(page, server, "alice")
    page.goto(f"{server}/runs/{source.uuid}/")
    page.get_by_role("link", name="Make it smaller").click()
    expect(page.get_by_role("heading", name="Sizes of notes")).to_be_visible()
    expect(page.get_by_text("Cannot be deployed. It lost")).to_be_visible()
    keep(page, "sizes")
    page.get_by_role("link", name="Read both side by side").first.click()
    expect(page.get_by_role("heading", name="24 records in common")).to_be_visible()
    page.go_back()
    page.get_by_label("An eighth of its layers").check()
    page.get_by_role("button", name="Make it smaller").click()
    expect(page.get_by_role("heading", name="notes-small-2")).to_be_visible()
    expect(page.get_by_role("heading", name="Heal")).to_be_visible()
    keep(page, "smaller-run")
