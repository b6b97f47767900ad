"""Promises about the documentation: every setting and command is in the README, and every link leads somewhere."""

import re
from pathlib import Path

from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


SETTINGS = set(
    re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "platform" / "config" / "settings.py").read_text())
)


def test_every_setting_is_documented() -> None:
    names = SETTINGS - {"PRECIS_DEBUG", "TZ"}
    assert len(names) > 10
    assert {name for name in names if f"`{name}`" not in README} == set()


def test_the_compose_files_set_what_is_read() -> None:
    named = {
        name
        for path in (ROOT / "docker").glob("*.yml")
        for name in re.findall(r"\b(PRECIS_[A-Z_]+):", path.read_text())
    }
    assert "PRECIS_ENGINE_URL" in named
    assert named - SETTINGS == set()


def test_every_command_in_the_readme_exists() -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", README))
    assert len(named) > 6
    assert named - set(get_commands()) == set()


def test_every_link_leads_to_a_file() -> None:
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []
