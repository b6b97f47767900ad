"""Settings for tests: the real ones, with a state folder that is thrown away."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_scratch = Path(tempfile.mkdtemp(prefix="precis-tests-"))
atexit.register(shutil.rmtree, _scratch, ignore_errors=True)
os.environ["PRECIS_VAR"] = str(_scratch)
(_scratch / "static").mkdir()
os.environ.setdefault("PRECIS_MODELS_DIR", str(ROOT / "var" / "models"))
os.environ.setdefault("PRECIS_TOOLS_DIR", str(ROOT / "var" / "tools"))

from config.settings import *  # noqa: E402, F403

# Argon2 is slow on purpose; tests sign in hundreds of times.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # noqa: F405
AXES_ENABLED = False
