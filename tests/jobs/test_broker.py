"""The folder broker, through real kombu connections in real processes, and a real Celery worker."""

import json
import logging
import multiprocessing
import os
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery
from kombu import Connection, Consumer, Exchange, Queue
from kombu.exceptions import ChannelError

from jobs import broker

ROOT = Path(__file__).resolve().parents[2]

broker.register()
spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "broker"


@pytest.fixture
def connection(folder: Path) -> Iterator[Connection]:
    with connect(folder) as connection:
        yield connection


def connect(folder: Path) -> Connection:
    return Connection("folder://", transport_options=broker.transport_options(folder))


def send(connection: Connection, *bodies: object, queue: str = "cpu") -> None:
    with connection.Producer(serializer="json") as producer:
        for body in bodies:
            producer.publish(body, routing_key=queue)


def take_all(connection: Connection, queue: str = "cpu", *, quiet_seconds: float = 0.2) -> list[object]:
    received: list[object] = []

    def on_message(body: object, message: object) -> None:
        received.append(body)
        message.ack()  # type: ignore[attr-defined]

    with Consumer(connection, queues=[queue_named(queue)], callbacks=[on_message], accept=["json"]):
        while True:
            try:
                connection.drain_events(timeout=quiet_seconds)
            except TimeoutError:
                return received


def queue_named(name: str) -> Queue:
    return Queue(name, Exchange(name), routing_key=name)


def produce(folder: str, producer: int, count: int) -> None:
    broker.register()
    with connect(Path(folder)) as connection:
        send(connection, *[[producer, number] for number in range(count)])


def consume(folder: str, results: str) -> None:
    broker.register()
    with connect(Path(folder)) as connection:
        Path(results).write_text(json.dumps(take_all(connection, quiet_seconds=1.5)))


def run_together(*targets: tuple[Callable[..., None], tuple[object, ...]]) -> None:
    processes = [spawn.Process(target=function, args=arguments) for function, arguments in targets]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def messages(folder: Path, queue: str = "cpu") -> list[Path]:
    return sorted((folder / queue).glob("[!.]*.msg"))


def test_messages_come_out_in_the_order_they_went_in(connection: Connection) -> None:
    send(connection, *range(200))
    assert take_all(connection) == list(range(200))


def test_the_order_holds_between_processes(folder: Path, connection: Connection) -> None:
    send(connection, "first")
    run_together((produce, (str(folder), 7, 3)))
    send(connection, "last")
    assert take_all(connection) == ["first", [7, 0], [7, 1], [7, 2], "last"]


def test_the_order_holds_while_the_clock_stands_still(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker.time, "time_ns", lambda: 1_800_000_000_000_000_000)
    send(connection, *range(30))
    monkeypatch.undo()
    assert take_all(connection) == list(range(30))


@pytest.mark.slow
def test_eight_producers_at_once_lose_and_duplicate_nothing(folder: Path, connection: Connection) -> None:
    run_together(*[(produce, (str(folder), producer, 50)) for producer in range(8)])
    received = take_all(connection)
    assert sorted(received) == [[producer, number] for producer in range(8) for number in range(50)]
    for producer in range(8):
        assert [number for who, number in received if who == producer] == list(range(50))


@pytest.mark.slow
def test_two_consumers_never_get_the_same_message(folder: Path, tmp_path: Path) -> None:
    results = [tmp_path / "a.json", tmp_path / "b.json"]
    run_together(
        *[(consume, (str(folder), str(result))) for result in results],
        *[(produce, (str(folder), producer, 100)) for producer in range(2)],
    )
    shares = [json.loads(result.read_text()) for result in results]
    assert all(shares), "one consumer got everything, so the race was never run"
    assert sorted(shares[0] + shares[1]) == [
        [producer, number] for producer in range(2) for number in range(100)
    ]


@pytest.mark.parametrize(
    "content",
    [
        b'{"body": "W10=", "head',
        b"\xff\xfe not text",
        b'"a string"',
        b'{"some": "other program"}',
        b'{"body": "*", "headers": {}, "properties": {"body_encoding": "base64", "delivery_tag": "1", '
        b'"delivery_info": {"exchange": "", "routing_key": "cpu"}}}',
        b"[" * 100_000,
        b"1" * 1_000_001,
    ],
    ids=["truncated", "bytes", "string", "foreign", "bad-base64", "deep", "large"],
)
def test_a_file_that_is_no_message_is_set_aside(
    content: bytes, folder: Path, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    send(connection, "before")
    bad = folder / "cpu" / f"{time.time_ns():020d}-bad.msg"
    bad.write_bytes(content)
    send(connection, "after")
    with caplog.at_level(logging.ERROR, logger="jobs.broker"):
        assert take_all(connection) == ["before", "after"]
    assert (folder / "bad" / bad.name).read_bytes() == content
    assert [record.getMessage() for record in caplog.records] == [
        f"Set aside a file that is no message: {bad.name}"
    ]


def test_a_message_truncated_at_any_byte_is_set_aside_whole_or_not_at_all(
    folder: Path, connection: Connection
) -> None:
    send(connection, "whole")
    whole = messages(folder)[0].read_bytes()
    assert take_all(connection) == ["whole"]
    for size in range(1, len(whole)):
        (folder / "cpu" / f"{size:020d}.msg").write_bytes(whole[:size])
    assert take_all(connection) == []
    assert len(list((folder / "bad").iterdir())) == len(whole) - 1


def test_a_folder_or_a_link_in_a_message_s_place_is_set_aside(folder: Path, connection: Connection) -> None:
    send(connection, "after")
    (folder / "cpu" / "0.msg").mkdir()
    (folder / "cpu" / "1.msg").symlink_to("/dev/zero")
    assert take_all(connection) == ["after"]
    assert sorted(path.name for path in (folder / "bad").iterdir()) == ["0.msg", "1.msg"]


def test_an_empty_file_is_left_alone(folder: Path, connection: Connection) -> None:
    send(connection, "after")
    (folder / "cpu" / "0.msg").touch()
    assert take_all(connection) == ["after"]
    assert (folder / "cpu" / "0.msg").exists()


def test_a_half_written_message_is_not_seen(folder: Path, connection: Connection) -> None:
    send(connection, "after")
    (folder / "cpu" / ".0.msg").write_bytes(b'{"body"')
    assert take_all(connection) == ["after"]


def test_nobody_else_can_read_the_folder_or_a_message(folder: Path, connection: Connection) -> None:
    previous = os.umask(0)
    try:
        send(connection, "x")
    finally:
        os.umask(previous)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "cpu")] == [0o700, 0o700]
    assert stat.S_IMODE(messages(folder)[0].stat().st_mode) == 0o600


def test_nothing_is_left_when_the_disk_is_full(
    folder: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(broker.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        send(connection, "x")
    assert list((folder / "cpu").iterdir()) == []


def test_queues_are_apart_counted_and_purged(folder: Path, connection: Connection) -> None:
    send(connection, 1, 2, 3, queue="cpu")
    send(connection, 4, queue="stages")
    channel = connection.channel()
    assert channel.queue_declare("cpu").message_count == 3
    assert channel.queue_purge("cpu") == 3
    assert take_all(connection, "cpu") == []
    assert take_all(connection, "stages") == [4]


@pytest.mark.parametrize("name", ["../x", "a/b", "", "bad", ".hidden", "a\0b"])
def test_a_queue_name_cannot_leave_the_folder(name: str, connection: Connection) -> None:
    with pytest.raises(ChannelError):
        connection.channel()._put(name, {})


def test_a_message_not_acknowledged_goes_back_when_the_connection_closes(folder: Path) -> None:
    with connect(folder) as first:
        send(first, "again")
        assert first.channel().basic_get("cpu").payload == "again"
        assert messages(folder) == []
    with connect(folder) as second:
        assert take_all(second) == ["again"]


def test_an_absolute_path_in_the_url_names_the_folder(tmp_path: Path) -> None:
    with Connection(f"folder://{tmp_path}/in%20url") as connection:
        send(connection, "x")
    assert len(messages(tmp_path / "in url")) == 1


WORKER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from celery import Celery
    from jobs import broker

    broker.register()
    folder, log = Path(sys.argv[1]), Path(sys.argv[2])
    app = Celery("probe")
    app.conf.update(broker_url=f"folder://{folder}", task_default_queue="cpu", task_ignore_result=True)

    @app.task(name="probe.note")
    def note(number: int) -> None:
        with log.open("a") as file:
            file.write(f"{number}\\n")

    if __name__ == "__main__":
        app.worker_main(["worker", "--pool", "prefork", "--concurrency", "1", "--loglevel", "INFO"])
    """
)


@pytest.mark.slow
def test_a_celery_worker_outlives_a_truncated_message(tmp_path: Path, folder: Path) -> None:
    program, noted = tmp_path / "probe.py", tmp_path / "noted"
    program.write_text(WORKER)
    app = Celery("probe", broker=f"folder://{folder}")
    app.conf.task_default_queue = "cpu"
    app.send_task("probe.note", [0])
    (folder / "cpu" / f"{time.time_ns():020d}-bad.msg").write_bytes(messages(folder)[0].read_bytes()[:100])
    for number in range(1, 20):
        app.send_task("probe.note", [number])
    with (tmp_path / "log").open("w") as log_file:
        worker = subprocess.Popen(
            [sys.executable, str(program), str(folder), str(noted)],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
            },  # without Django, which Celery would load
            stderr=log_file,
        )
    try:
        wait_for(lambda: noted.exists() and len(noted.read_text().split()) == 20)
        app.send_task("probe.note", [20])
        wait_for(lambda: len(noted.read_text().split()) == 21)
    finally:
        worker.terminate()
        worker.wait(30)
    assert noted.read_text().split() == [str(number) for number in range(21)]
    assert len(list((folder / "bad").iterdir())) == 1
    log = (tmp_path / "log").read_text()
    assert "Set aside" in log
    assert "Traceback" not in log


def wait_for(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
