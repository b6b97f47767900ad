"""Zip containers, looked through before anything is unpacked. Used for .zip and for Office documents."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from records.readers.rows import UnreadableFile

MAX_MEMBERS = 5_000
MAX_UNPACKED_BYTES = 200 * 1024**2
# Text packs twenty to one at most; what claims to be packed tighter than this is made to swell.
MAX_RATIO, SMALL_BYTES = 200, 1024**2

_DAMAGED = "The archive is damaged or breaks off. Pack it again."
_TOO_LARGE = (
    f"Unpacked, the archive would hold more than {MAX_UNPACKED_BYTES // 1024**2} MB, "
    "or it is packed tighter than documents are. Split it into smaller ones."
)


@contextmanager
def opened(data: bytes) -> Iterator[zipfile.ZipFile]:
    """The archive, once its list of contents was found harmless. Raises ``UnreadableFile``."""
    _check_edges(data)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, OSError) as error:
        raise UnreadableFile(_DAMAGED) from error
    with archive:
        _check(archive.infolist())
        yield archive


def member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A member's bytes, ``most`` at most; its declared size was checked, and zipfile stops there."""
    if archive.getinfo(name).file_size > most:
        raise UnreadableFile(_TOO_LARGE)
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise UnreadableFile(_DAMAGED) from error


def _check_edges(data: bytes) -> None:
    """Nothing before the first member and nothing after the list: there a second file could hide."""
    place = data.rfind(b"PK\x05\x06")
    if place < 0 or len(data) - place < 22:
        raise UnreadableFile(_DAMAGED)
    size, offset, comment = struct.unpack_from("<IIH", data, place + 12)
    large = 0xFFFFFFFF in {
        size,
        offset,
    }  # the list's place then stands in a second record, between it and the end
    if place + 22 + comment != len(data) or (not large and offset + size != place):
        raise UnreadableFile(
            "The archive holds something beside its files, so it is not read. Pack it again."
        )


def _check(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise UnreadableFile(
            f"The archive holds more than {MAX_MEMBERS:,} files. Split it into smaller ones."
        )
    if sum(each.file_size for each in members) > MAX_UNPACKED_BYTES:
        raise UnreadableFile(_TOO_LARGE)
    for each in members:
        if each.file_size > SMALL_BYTES and each.file_size > MAX_RATIO * max(each.compress_size, 1):
            raise UnreadableFile(_TOO_LARGE)
        if each.flag_bits & 0x1:
            raise UnreadableFile("The archive is locked by a password. Pack it again without one.")
        parts = each.filename.replace("\\", "/").split("/")
        if (
            ".." in parts
            or each.filename.startswith(("/", "\\"))
            or ":" in parts[0]
            or "\0" in each.orig_filename
        ):
            raise UnreadableFile(
                "A file in the archive names a place outside it. Such archives are not read."
            )
        if stat.S_ISLNK(each.external_attr >> 16):
            raise UnreadableFile("The archive holds a link to another file. Pack the files themselves.")
    names = [each.filename for each in members]
    if len(set(names)) < len(names):
        raise UnreadableFile("Two files in the archive bear the same name. Pack it again.")
