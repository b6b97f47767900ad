from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, StopUpload


class LimitedUploadHandler(FileUploadHandler):
    """Stops reading a body that is too large, before any of it is stored."""

    def handle_raw_input(
        self, input_data: Any, META: Any, content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        # Forms around the file are small; a mebibyte leaves room for them.
        if content_length > settings.MAX_UPLOAD_BYTES + 1024 * 1024:
            assert self.request is not None
            self.request.META["precis.too_large"] = True
            raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
