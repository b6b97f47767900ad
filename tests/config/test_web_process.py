"""What the web process holds: never torch, which would cost seconds and hundreds of megabytes."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from config.wsgi import application
from privacy.engine import get_scrubber
assert get_scrubber().find("Patient John Smith, MRN 4417823")
import summaries.services, training.services.stages
print(sorted({"torch", "transformers", "peft", "trl", "xllamacpp"} & set(sys.modules)))
"""


def test_the_web_process_never_imports_torch_not_even_after_a_scrub(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
        "PRECIS_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]", done.stderr[-2000:]
