"""A real gunicorn under large, odd and many uploads: it answers, its memory stays, its temp folder stays empty."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import broker_url, database_url  # noqa: F401  (fixtures)
from tests.e2e.installation import ROOT, Installation, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.alone]

TOKEN = "a" * 32
BOUNDARY = "precis"
GIGABYTE, MEGABYTE = 1024**3, 1024**2
MOST_GROWTH = 100 * MEGABYTE
MEMBER = """
from django.test import Client
from accounts.models import Role
from audit import staff
clinic = staff.create_clinic(name="Alder Clinic")
user, _ = staff.add_member(clinic=clinic, username="carl", role=Role.CLERK, by=None, password="a long enough password")
client = Client()
client.force_login(user)
print(client.cookies["sessionid"].value)
"""


class Web:
    """Gunicorn as ``up`` starts it, with a clerk who is signed in."""

    def __init__(self, port: int, session: str, process: psutil.Process, temp: Path) -> None:
        self.port, self.session, self.process, self.temp = port, session, process, temp
        self.highest = 0

    def memory(self) -> int:
        """What the web's own processes hold; the children that read files are counted apart."""
        processes = [self.process, *self.process.children(recursive=True)]
        return sum(
            each.memory_info().rss - each.memory_info().shared
            for each in processes
            if "records.readers.child" not in each.cmdline()
        )

    def watch(self, stop: threading.Event) -> None:
        while not stop.wait(0.05):
            try:
                self.highest = max(self.highest, self.memory())
            except psutil.NoSuchProcess:
                continue  # a reader's child that ended between two looks

    def send(self, name: str, pieces: Iterator[bytes], size: int | None) -> tuple[int, str, str]:
        """(status, where it leads, page); without a size the body goes in chunks of no declared length."""
        head = (
            f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=csrfmiddlewaretoken\r\n\r\n{TOKEN}\r\n"
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        ).encode()
        tail = f"\r\n--{BOUNDARY}--\r\n".encode()
        headers = {
            "Cookie": f"sessionid={self.session}; csrftoken={TOKEN}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        if size is not None:
            headers["Content-Length"] = str(len(head) + size + len(tail))

        def body() -> Iterator[bytes]:
            yield head
            yield from pieces
            yield tail

        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request("POST", "/records/upload/", body(), headers, encode_chunked=size is None)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Location", ""), answer.read().decode()
        finally:
            connection.close()

    def page(self, path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path, headers={"Cookie": f"sessionid={self.session}"})
        text = connection.getresponse().read().decode()
        connection.close()
        return text


@pytest.fixture
def web(tmp_path: Path, database_url: str, broker_url: str) -> Iterator[Web]:  # noqa: F811
    var, temp = tmp_path / "state", tmp_path / "temp"
    var.mkdir()
    temp.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    there = Installation(
        var,
        {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}",
            "PRECIS_VAR": str(var),
            "DATABASE_URL": database_url,
            "BROKER_URL": broker_url,
            "TMPDIR": str(temp),
        },
    )
    there.manage("migrate")
    there.manage("collectstatic", "--noinput")
    session = there.shell(MEMBER).splitlines()[-1]
    options = ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "8", "--timeout", "180"]
    process = there.start("web", "-m", "gunicorn", "config.wsgi", *options, "--worker-tmp-dir", str(var))
    started = Web(port, session, psutil.Process(process.pid), temp)
    wait_for(lambda: _answers(started), 60, "the web process")
    yield started
    there.close()


def _answers(web: Web) -> bool:
    try:
        return "Upload records" in web.page("/records/upload/")
    except OSError:
        return False


def zeros(size: int) -> Iterator[bytes]:
    piece = b"0" * (256 * 1024)
    for _ in range(size // len(piece)):
        yield piece


def test_uploads_of_any_size_leave_memory_and_temp_folder_as_they_were(web: Web) -> None:
    web.send("note.txt", iter([b"Cough and fever."]), 16)  # what the first upload loads stays loaded
    before, stop = web.memory(), threading.Event()
    watcher = threading.Thread(target=web.watch, args=[stop])
    watcher.start()
    try:
        status, _, page = web.send("note.txt", zeros(2 * GIGABYTE), 2 * GIGABYTE)
        assert (status, "larger than 20 MB" in page) == (413, True)

        try:
            status, _, _ = web.send("note.txt", zeros(GIGABYTE), None)
        except OSError:
            status = 0  # cut off in the middle: as good an answer to a body of no length
        assert status in {0, 400, 403, 411, 413}

        lines = [f'{{"text": "Größe ½ 😀 {n} {"cough and fever " * 60}"}}\n'.encode() for n in range(19_000)]
        status, where, _ = web.send("notes.jsonl", iter(lines), sum(map(len, lines)))
        assert status == 302
        assert "Import 19,000 records" in web.page(where)
    finally:
        stop.set()
        watcher.join()
    print(
        f"memory before {before / MEGABYTE:.0f} MB, at most {(web.highest - before) / MEGABYTE:.0f} MB more"
    )
    assert web.highest - before < MOST_GROWTH
    assert list(web.temp.iterdir()) == []


def test_a_slow_body_that_never_ends_holds_one_thread_and_no_memory(web: Web) -> None:
    before = web.memory()
    with socket.create_connection(("127.0.0.1", web.port)) as slow:
        slow.sendall(
            b"POST /records/upload/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
        )
        time.sleep(1)
        assert "Upload records" in web.page("/records/upload/")
    assert web.memory() - before < MOST_GROWTH
    assert list(web.temp.iterdir()) == []
