"""What README and docs/ point at exists, and the commands in them are commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from consumer.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = re.findall(
        r"`((?:badges|schemas|state|consumer|tests|docs|examples)/[\w./-]*)`",
        page.read_text(encoding="utf-8"),
    )
    assert not [name for name in named if not (ROOT / name).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page: Path) -> None:
    commands = typer.main.get_command(app)
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"(?:^(?:\$ )?|`)badges ([a-z][a-z-]*)", text, re.MULTILINE)
    assert set(named) <= set(getattr(commands, "commands", {}))


def test_the_files_that_the_readme_feeds_to_commands_exist() -> None:
    files = re.findall(r"^\$ badges .*?(examples/\S+)", PAGES[0].read_text(encoding="utf-8"), re.MULTILINE)
    assert files
    assert all((ROOT / file).exists() for file in files)
