"""A copy of the package that a page may change."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for pages.py beside this file

from pages import PACKAGE, ROOT, House


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / PACKAGE).symlink_to(ROOT / PACKAGE)
    return House(tmp_path)
