"""Words on a picture of a page, by rapidocr on onnxruntime. The models lie inside its package: nothing is fetched.

Measured on a full page (36 lines, 1700 × 2200 pixels) with these settings: 806 MB of address space, 570 MB resident,
3.5 s on one core. The package's defaults take 1.4 GB, which the child process does not have; see docs/adr/0007.
"""

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

LONGEST_SIDE = 2200
# Below this the recognizer guesses. A guess is not a record's text.
LEAST_SCORE = 0.6
ILLEGIBLE = "[illegible]"

_SETTINGS = {
    "Global.log_level": "critical",
    "Global.max_side_len": LONGEST_SIDE + 100,
    # Words of low score are marked below; by default they would vanish without a trace.
    "Global.text_score": 0.0,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    "Det.limit_type": "max",
    "Det.limit_side_len": 1280,
    "Cls.cls_batch_num": 1,
    "Rec.rec_batch_num": 1,
}


def lines_of(picture: Any) -> list[str]:
    """The lines on a picture (height, width, 3) from top to bottom; parts far apart on a line are set off by a bar."""
    found = _engine()(picture)
    if found.boxes is None:
        return []
    boxes = sorted(
        (
            _Box(box, text if score >= LEAST_SCORE else ILLEGIBLE)
            for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
        ),
        key=lambda box: box.middle,
    )
    lines: list[list[_Box]] = []
    for box in boxes:
        if lines and abs(lines[-1][0].middle - box.middle) < 0.5 * min(lines[-1][0].height, box.height):
            lines[-1].append(box)
        else:
            lines.append([box])
    return [_joined(sorted(line, key=lambda box: box.left)) for line in lines]


class _Box:
    def __init__(self, corners: Any, text: str) -> None:
        self.text = text.strip()
        self.left, self.right = float(corners[:, 0].min()), float(corners[:, 0].max())
        top, bottom = float(corners[:, 1].min()), float(corners[:, 1].max())
        self.height, self.middle = bottom - top, (top + bottom) / 2


def _joined(line: list[_Box]) -> str:
    text = line[0].text
    for before, box in pairwise(line):
        text += (" | " if box.left - before.right > 2 * box.height else " ") + box.text
    return text


@cache
def _engine() -> Any:
    import cv2
    import rapidocr

    cv2.setNumThreads(1)
    models = Path(rapidocr.__file__).parent / "models"
    return rapidocr.RapidOCR(params={**_SETTINGS, "Global.model_root_dir": str(models)})
