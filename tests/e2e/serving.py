"""An installation with a deployed model file and a key, and its web server: for tests and benchmarks of the endpoint."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.e2e.installation import Installation, wait_for

# The run that made the model is pretended; the file is real, and the engine checks its hash.
DEPLOY = """
import shutil, sys
sys.path.append("tests")
import model_rows
from django.conf import settings
from accounts.models import Role
from audit import staff
from jobs.rundir import file_sha256
from pathlib import Path
from summaries.deployments import deploy
from training.models import ModelArtifact
from training.services.folders import artifact_path
clinic = staff.create_clinic(name="Load Clinic")
admin, _ = staff.add_member(clinic=clinic, username="admin", role=Role.ADMIN, by=None)
model_rows.pretend_installed(settings, settings.VAR)
artifact = model_rows.model_of(model_rows.finished_run(clinic, admin))
path, given = artifact_path(artifact), Path({model!r})
path.unlink()
shutil.copyfile(given, path)
sha256 = file_sha256(path)
ModelArtifact.objects.filter(pk=artifact.pk).update(sha256=sha256, bytes=path.stat().st_size)
artifact.refresh_from_db()
deploy(artifact=artifact, user=admin)
_, key = staff.issue_token(clinic=clinic, name="load", by=admin, requests_per_minute=10_000)
print(key, sha256)
"""


def deploy_model(installation: Installation, model: Path) -> tuple[str, str]:
    """A clinic that has deployed this file: its API key and the file's hash."""
    installation.manage("migrate", "--verbosity", "0")
    key, sha256 = installation.shell(DEPLOY.format(model=str(model))).split()[-2:]
    return key, sha256


@contextmanager
def web_server(installation: Installation, port: int, threads: int = 64) -> Iterator[str]:
    """Gunicorn as ``manage.py up`` starts it; the block gets its address once it answers."""
    options = ["--config", "python:config.gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", str(threads)]
    process = installation.start("web", "-m", "gunicorn", "config.wsgi", *options)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        assert process.poll() is None, (installation.var / "web.log").read_text()[-2000:]
        try:
            return httpx.get(f"{url}/api/v1/health", trust_env=False, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    wait_for(answers, 120, "the web server")
    try:
        yield url
    finally:
        installation.kill(process)
