"""Two clinics train adapters on one base with the command, deploy them, and one process answers each with its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import visits
from tests.e2e.installation import Installation, wait_for

pytestmark = pytest.mark.slow

MAKE_CLINIC = """
from accounts.models import Role
from audit import staff
staff.add_member(clinic=staff.create_clinic(name={name!r}), username={user!r}, role=Role.ADMIN, by=None,
                 password="an administrator of tests")
"""
ASK = """
import json
from accounts.models import User
from summaries import questions, services
user = User.objects.get(username={user!r})
asked = questions.asked_of_text(clinic=user.membership.clinic, text={text!r}, user=user)
print(json.dumps(services.Writing(asked).to_the_end().restored))
"""
CLINICS = {"Alder Clinic": ("alice", slice(0, 20), "2"), "Birch Clinic": ("bob", slice(20, 40), "6")}


def write(path: Path, rows: list[dict[str, str]]) -> str:
    path.write_text("".join(json.dumps({"source": r["source"], "target": r["target"]}) + "\n" for r in rows))
    return str(path)


def test_two_clinics_share_a_base_from_training_to_the_answer(
    installation: Installation, tmp_path: Path
) -> None:
    installation.manage("migrate", "--verbosity", "0")
    for name, (user, part, epochs) in CLINICS.items():
        installation.shell(MAKE_CLINIC.format(name=name, user=user))
        rows = visits(40)[part]
        files = [
            "--data",
            write(tmp_path / "train.jsonl", rows[:16]),
            "--valid",
            write(tmp_path / "valid.jsonl", rows[16:]),
        ]
        told = [*files, "--base", "local:tiny", "--name", user, "--epochs", epochs, "--evaluate-rows", "2"]
        said = installation.manage("train", *told, "--as-adapter", "--clinic", name)
        assert "ROUGE-1" in said
        installation.manage("deploy", user, "--clinic", name)
    pointer = json.loads((installation.var / "engine" / "deployed.json").read_text())["models"]
    assert len({entry["base"]["sha256"] for entry in pointer}) == 1
    installation.start("engine", "-m", "jobs.engine", "--var", str(installation.var))
    wait_for(lambda: len(_live(installation)) == 2, 60, "both clinics' models")
    assert len(installation.processes("jobs.model_server")) == 1, "one server for both"

    record = visits(50)[49]["source"]
    asked = write(tmp_path / "asked.jsonl", [{"source": record, "target": ""}])
    alone, served = {}, {}
    for name, (user, _, _) in CLINICS.items():
        out = tmp_path / f"{user}.jsonl"
        installation.manage("summarize", asked, str(out), "--artifact", user, "--clinic", name)
        alone[user] = json.loads(out.read_text())["summary"]
        served[user] = json.loads(installation.shell(ASK.format(user=user, text=record)))
    assert served == alone
    assert alone["alice"] != alone["bob"]


def _live(installation: Installation) -> dict[str, Any]:
    path = installation.var / "engine" / "live.json"
    return json.loads(path.read_text())["models"] if path.is_file() else {}
