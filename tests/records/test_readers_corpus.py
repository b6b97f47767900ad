"""Some 400 files of every format, good and bad, through the real child process: exact text or a clear refusal."""

import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from corpus.bad import Bad, bad_files
from corpus.good import Good, good_files

from records import readers
from records.readers import process
from records.readers.child import read_here

ROOT = Path(__file__).resolve().parents[2]
GOOD, BAD = list(good_files()), list(bad_files())
MUTATIONS = 300


def told(good: Good) -> str:
    return f"{good.suffix} {good.name}"


@pytest.mark.parametrize("good", [each for each in GOOD if not each.is_slow], ids=told)
def test_a_good_file_is_read_to_the_letter(good: Good) -> None:
    reading = read_here(good.suffix, good.make(), good.encoding)
    assert [row.source for row in reading.rows] == good.texts
    assert good.patients in ([], [row.patient for row in reading.rows])
    assert reading.errors == []


def fault_of_good(good: Good) -> str:
    """What is wrong with how a good file was read; nothing where nothing is."""
    try:
        reading = readers.read(good.suffix, good.make(), good.encoding)
    except readers.UnreadableFile as error:
        return f"{told(good)}: refused, {error}"
    right = [row.source for row in reading.rows] == good.texts and not reading.errors
    return "" if right else f"{told(good)}: another text"


def fault_of_bad(bad: Bad) -> str:
    started = time.monotonic()
    said, lives = refusal_of(bad.file, bad.make())
    if time.monotonic() - started > 35:
        return f"{bad.file} {bad.name}: took too long"
    right = re.search(bad.said, said) and lives == bad.lives
    return "" if right else f"{bad.file} {bad.name}: said “{said}” and kept {lives} rows"


def refusal_of(name: str, data: bytes) -> tuple[str, int]:
    """(what the uploader is told, how many rows were good)."""
    try:
        reading = readers.read(readers.suffix_of(name), data)
    except readers.UnreadableFile as error:
        return str(error), 0
    return reading.errors[0].message if reading.errors else "", len(reading.rows)


def faults(check: Callable[[Any], str], files: Iterable[Any]) -> list[str]:
    with ThreadPoolExecutor(2) as pool:
        return [fault for fault in pool.map(check, files) if fault]


@pytest.fixture
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The children's temp folder stays empty, none of them lives on, and this process does not grow by 100 MB."""
    temp = tmp_path / "temp"
    temp.mkdir()
    real = process._environment
    monkeypatch.setattr(process, "_environment", lambda: {**real(), "TMPDIR": str(temp)})
    this = psutil.Process()
    children, memory = set(this.children(recursive=True)), this.memory_info().rss
    yield
    assert list(temp.iterdir()) == []
    assert set(this.children(recursive=True)) <= children
    assert this.memory_info().rss - memory < 100 * 1024**2


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len(GOOD) + len(BAD) >= 200
    assert {good.suffix for good in GOOD} == set(readers.READERS)


@pytest.mark.slow
def test_every_good_file_is_read_to_the_letter_by_the_child(nothing_left: None) -> None:
    assert faults(fault_of_good, GOOD) == []


@pytest.mark.slow
def test_every_bad_file_is_refused_in_words_and_leaves_nothing(nothing_left: None) -> None:
    assert faults(fault_of_bad, BAD) == []


def mutated(data: bytes, chance: random.Random) -> bytes:
    """``data`` with bytes changed, cut out, doubled, or its end lost."""
    spoiled = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(spoiled) + 1)
        length = chance.choice([1, 1, 2, 8, 64])
        match chance.randrange(5):
            case 0:
                spoiled[place : place + length] = chance.randbytes(length)
            case 1:
                del spoiled[place : place + length]
            case 2:
                spoiled[place:place] = spoiled[place : place + length] * chance.randint(1, 50)
            case 3:
                del spoiled[place:]
            case _:
                spoiled[place:place] = chance.choice(
                    [b"\0", b"\xff", b"{", b"<", b"\\", b"%s", b"\r\n", b"9" * 20]
                )
    return bytes(spoiled)


@pytest.mark.slow
def test_mutated_files_end_in_a_reading_or_a_refusal_and_never_hang(nothing_left: None) -> None:
    chance = random.Random(20261125)
    small = [good for good in GOOD if not good.is_slow and len(good.make()) < 50_000]
    mutants = [(good, mutated(good.make(), chance)) for good in chance.choices(small, k=MUTATIONS)]

    def fault(mutant: tuple[Good, bytes]) -> str:
        good, data = mutant
        started = time.monotonic()
        try:
            readers.read(good.suffix, data, good.encoding)
        except readers.UnreadableFile:
            pass
        except Exception as error:
            return f"{told(good)}: {type(error).__name__}"
        return "" if time.monotonic() - started < 32 else f"{told(good)}: took too long"

    assert faults(fault, mutants) == []


def test_the_web_process_loads_no_parser() -> None:
    program = (
        "import sys\nfrom records import readers\nreaders.read('.html', b'<p>Cough</p>')\n"
        "print(sorted({'lxml', 'pypdfium2', 'pdfplumber', 'cv2', 'rapidocr', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
