"""Log hygiene: an exception's message may quote a patient, so only its type and place are kept."""

import logging
import traceback


class ExceptionTypeOnly(logging.Filter):
    """Replaces a record's traceback by the exception's type and the frames' file, line and function names."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[0]:
            kind, _, trace = record.exc_info
            frames = traceback.extract_tb(trace)[-3:]
            places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
            record.msg = f"{record.getMessage()} [{kind.__name__} at {places}]"
            record.args = ()
            record.exc_info = None
            record.exc_text = None
        return True
