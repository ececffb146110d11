"""One suite for every engine: it knows nothing but the base class."""

from __future__ import annotations

import pytest

from pipeline.engines.base import Engine


@pytest.fixture(params=["local"])
def engine(request: pytest.FixtureRequest) -> Engine:
    made: Engine = request.getfixturevalue(f"{request.param}_engine")
    return made
