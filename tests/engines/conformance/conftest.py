"""One suite for every engine: it knows nothing but the base class."""

from __future__ import annotations

import pytest

from pipeline.engines.base import Engine


@pytest.fixture(params=["local", pytest.param("kubeflow", marks=pytest.mark.kubeflow)])
def engine(request: pytest.FixtureRequest) -> Engine:
    made: Engine = request.getfixturevalue(f"{request.param}_engine")
    return made
