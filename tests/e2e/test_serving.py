"""The endpoint under load and misfortune, with real processes: gunicorn, its SQLite file, and a model server."""

import socket
import threading
from pathlib import Path

import httpx
import psutil
import pytest
from stub_engine import stub_engine

from tests.e2e.installation import Installation, wait_for
from tests.e2e.serving import deploy_model, web_server

pytestmark = [pytest.mark.slow, pytest.mark.alone]

TEXT = "Zebulon Quarrington has had cough for {} days."


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The stub answers; the file only has to be the one that was deployed."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"not a model")
    return path


def count(installation: Installation, what: str) -> int:
    return int(
        installation.shell(f"from summaries.models import Summary; print(Summary.objects.{what}.count())")
    )


def test_five_hundred_requests_of_fifty_callers_are_each_answered_or_told_to_wait(
    installation: Installation, model: Path
) -> None:
    key, sha256 = deploy_model(installation, model)
    headers = {"Authorization": f"Bearer {key}"}
    statuses: list[int] = []
    ids: set[str] = set()

    def caller(number: int, url: str, turns: int) -> None:
        with httpx.Client(trust_env=False, timeout=120) as client:
            for turn in range(turns):
                body = {"text": TEXT.format(10 * number + turn)}
                answer = client.post(f"{url}/api/v1/summaries", json=body, headers=headers)
                statuses.append(answer.status_code)
                if answer.status_code == 200:
                    ids.add(answer.json()["id"])
                else:
                    assert int(answer.headers["Retry-After"]) > 0

    def fifty_callers(url: str, turns: int) -> None:
        threads = [threading.Thread(target=caller, args=(number, url, turns)) for number in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with stub_engine(installation.var, sha256) as engine, web_server(installation, free_port()) as url:
        engine.seconds = 0.2
        # Both processes, and every thread with its connection to the database, have begun when memory is read.
        fifty_callers(url, turns=4)
        before = memory(installation)
        fifty_callers(url, turns=10)
        grown = memory(installation) - before
    assert len(statuses) == 700
    assert set(statuses) == {200, 429}
    assert statuses.count(200) == len(ids) == count(installation, "all()")
    assert grown < 50
    assert before + grown < 350


def memory(installation: Installation) -> float:
    """MB that the web processes hold for themselves."""
    found = [psutil.Process(process.pid) for process in installation.started if process.poll() is None]
    return sum(
        each.memory_full_info().uss / 1e6 for one in found for each in (one, *one.children(recursive=True))
    )


def test_a_caller_who_hangs_up_is_not_written_for(installation: Installation, model: Path) -> None:
    key, sha256 = deploy_model(installation, model)
    with stub_engine(installation.var, sha256) as engine, web_server(installation, free_port()) as url:
        engine.seconds = 60
        for stream in (True, False):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(
                    f"{url}/api/v1/summaries",
                    json={"text": TEXT.format(3), "stream": stream},
                    headers={"Authorization": f"Bearer {key}"},
                    trust_env=False,
                    timeout=httpx.Timeout(30, read=5),
                )
        wait_for(lambda: cancelled(installation) == 2, 30, "the cancellations")
    assert count(installation, "all()") == 0


SIGN_IN = """
from accounts.models import User
from django.test import Client
User.objects.update(must_change_password=False)
client = Client()
client.force_login(User.objects.get(username="admin"))
print(client.cookies["sessionid"].value)
"""


def test_the_portals_words_come_while_they_are_written_and_stop_with_the_reader(
    installation: Installation, model: Path
) -> None:
    _, sha256 = deploy_model(installation, model)
    csrf = "c" * 32
    cookies = {"sessionid": installation.shell(SIGN_IN).split()[-1], "csrftoken": csrf}
    with (
        stub_engine(installation.var, sha256) as engine,
        web_server(installation, free_port()) as url,
        httpx.Client(base_url=url, cookies=cookies, trust_env=False, timeout=60) as client,
    ):
        engine.goes_on.clear()
        asked = {"text": TEXT.format(3), "csrfmiddlewaretoken": csrf}
        with client.stream("POST", "/portal/stream/", data=asked) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "event: piece"
            assert "Zebulon Quarrington" in next(lines), "half is written, and the engine waits"
        wait_for(lambda: cancelled(installation) == 1, 30, "the cancellation")
    assert count(installation, "all()") == 0


def cancelled(installation: Installation) -> int:
    program = (
        "from audit.models import AuditEntry as A; print(A.objects.filter(action='cancel_summary').count())"
    )
    return int(installation.shell(program))


def test_a_batch_is_written_by_the_worker(installation: Installation, model: Path) -> None:
    key, sha256 = deploy_model(installation, model)
    headers = {"Authorization": f"Bearer {key}"}
    with (
        stub_engine(installation.var, sha256) as engine,
        web_server(installation, free_port()) as url,
        httpx.Client(base_url=f"{url}/api/v1/summaries", headers=headers, trust_env=False) as client,
    ):
        installation.start_worker("cpu")
        taken = client.post("/batches", json={"texts": [TEXT.format(days) for days in range(5)]}, timeout=60)
        assert taken.status_code == 202
        batch = taken.json()["id"]
        wait_for(lambda: client.get(f"/batches/{batch}", timeout=60).json()["is_finished"], 120, "the batch")
        items = client.get(f"/batches/{batch}", timeout=60).json()["items"]
    assert [item["status"] for item in items] == ["succeeded"] * 5
    assert len(engine.received) == count(installation, "all()") == 5
    for log in ("web.log", "worker.log"):
        assert "Quarrington" not in (installation.var / log).read_text()
