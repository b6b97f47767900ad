"""A zip of files of the other kinds: each is read as if it came alone. A folder's name stands for its patient.

Files inside are named by their place in the list, not by their names, which hold patients' names as often as not.
"""

from dataclasses import replace
from pathlib import PurePosixPath

from records.readers import archives
from records.readers.decoding import EncodingUnknown
from records.readers.rows import Reading, UnreadableFile

MAX_FILE_BYTES = 60 * 1024**2
# What file managers leave in archives.
_CHAFF = {"thumbs.db", "desktop.ini"}


def read(data: bytes, encoding: str) -> Reading:
    reading = Reading()
    with archives.opened(data) as archive:
        paths = [name for name in sorted(archive.namelist()) if not _is_chaff(name)]
        patients = _patients(paths)
        for place, name in enumerate(paths, start=1):
            try:
                found = _read_file(name, archives.member(archive, name, MAX_FILE_BYTES), encoding)
            except EncodingUnknown:
                raise
            except UnreadableFile as fault:
                reading.refuse(_next(reading), f"File {place} of the archive: {fault}")
                continue
            _take_over(reading, found, place, patients.get(name, ""))
    if any(patients.values()):
        reading.notes.append("The folders in the archive were taken as patients: one folder, one patient.")
    return reading


def _read_file(name: str, data: bytes, encoding: str) -> Reading:
    from records.readers import suffix_of
    from records.readers.child import read_here  # it imports this module

    suffix = suffix_of(name)
    if suffix == ".zip":
        raise UnreadableFile("It is an archive itself. Unpack it and put its files beside the others.")
    return read_here(suffix, data, encoding)


def _take_over(reading: Reading, found: Reading, place: int, folder: str) -> None:
    for row in found.rows:
        reading.add(replace(row, number=_next(reading), patient=row.patient or folder))
    for error in found.errors:
        reading.refuse(_next(reading), f"File {place} of the archive, row {error.number}: {error.message}")
    reading.notes += [note for note in found.notes if note not in reading.notes]


def _next(reading: Reading) -> int:
    """Rows of many files are counted through."""
    return len(reading.rows) + len(reading.errors) + 1


def _patients(paths: list[str]) -> dict[str, str]:
    """File → the folder it lies in, without the one folder that programs wrap around everything."""
    split = {path: PurePosixPath(path.replace("\\", "/")).parts for path in paths}
    tops = {parts[0] for parts in split.values()}
    is_wrapped = len(tops) == 1 and any(len(parts) > 2 for parts in split.values())
    start = 1 if is_wrapped else 0
    return {path: parts[start] for path, parts in split.items() if len(parts) > start + 1}


def _is_chaff(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if name.endswith("/") or not parts:
        return True
    return parts[0] == "__MACOSX" or parts[-1].startswith(".") or parts[-1].lower() in _CHAFF
