from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

_PIECE = 64 * 1024


class LimitedUploadHandler(FileUploadHandler):
    """Stops before the first byte of a file is kept, when the body that brings it is too large."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self.is_too_large = False
        self._body: Any = None

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        # Forms around the file are small; a mebibyte leaves room for them.
        self.is_too_large = content_length > settings.MAX_UPLOAD_BYTES + 1024 * 1024
        META["precis.too_large"] = self.is_too_large
        self._body = input_data

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        # Django catches StopUpload here and not in handle_raw_input. The fields before the file, the CSRF token
        # among them, are read by now; the rest is read and dropped, so that the browser gets an answer, no reset.
        if self.is_too_large:
            # Django would drop the rest line by line, and a body without line ends is one line of two gigabytes.
            while self._body.read(_PIECE):
                pass
            raise StopUpload(connection_reset=False)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
