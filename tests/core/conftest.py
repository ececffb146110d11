from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.dataset.forms import folders


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A volume with a small dataset in three folders, and its data-custom.yaml."""
    folders(tmp_path / "volume")
    return tmp_path / "volume"
