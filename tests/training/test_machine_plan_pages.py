"""What machine a base needs, on the page and in the terminal, worked out by the real stage in its child."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import User

ClientFor = Callable[[User], Client]
URL = "training:machine_plan"


@pytest.fixture
def asked() -> dict[str, Any]:
    return {"base": "llama3.1-8b", "lora_rank": 16, "tokens": 2048}


@pytest.mark.slow
def test_the_page_says_what_machine_an_unfetched_base_needs(
    admin: User, client_for: ClientFor, asked: dict[str, Any]
) -> None:
    content = client_for(admin).get(reverse(URL), asked).content.decode()
    assert "a card with 24 GB for LoRA in 16 bits, with 12 GB for QLoRA in 4 bits" in content
    assert "8,030,261,248" in content


@pytest.mark.slow
def test_the_panel_gets_the_answer_alone(admin: User, client_for: ClientFor, asked: dict[str, Any]) -> None:
    content = client_for(admin).get(reverse(URL), asked, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in content
    assert "QLoRA in 4 bits" in content


@pytest.mark.slow
def test_the_command_prints_words_or_json() -> None:
    out = StringIO()
    call_command("machine_plan", "llama3.1-8b", stdout=out)
    assert "a machine with 48 GB of memory" in out.getvalue()
    out = StringIO()
    call_command("machine_plan", "llama3.1-8b", "--json", stdout=out)
    assert json.loads(out.getvalue())["parameters"] == 8_030_261_248


def test_a_base_nobody_knows_is_refused_before_a_child_starts() -> None:
    with pytest.raises(CommandError, match="LoRA rank from 1 to 256"):
        call_command("machine_plan", "llama3.1-8b", "--rank", "0")


@pytest.mark.parametrize(
    "wrong", [{"base": "../secret"}, {"lora_rank": "0"}, {"tokens": "9999999"}, {"tokens": "many"}]
)
def test_a_wrong_choice_is_explained(
    admin: User, client_for: ClientFor, asked: dict[str, Any], wrong: dict[str, str]
) -> None:
    content = client_for(admin).get(reverse(URL), {**asked, **wrong}).content.decode()
    assert "alert-warning" in content
    assert "QLoRA" not in content


def test_the_start_page_offers_it_for_bases_that_are_not_here(admin: User, client_for: ClientFor) -> None:
    content = client_for(admin).get(reverse("training:start_run")).content.decode()
    assert reverse(URL) in content
    assert '<option value="llama3.1-8b">' in content


def test_only_administrators_ask(
    officer: User, clinician: User, client: Client, client_for: ClientFor
) -> None:
    for user in (officer, clinician):
        assert client_for(user).get(reverse(URL)).status_code == 403
    assert client.get(reverse(URL)).url.startswith(reverse("accounts:sign_in"))


def test_the_wrong_method_is_refused(admin: User, client_for: ClientFor) -> None:
    assert client_for(admin).post(reverse(URL)).status_code == 405
