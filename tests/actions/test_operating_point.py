from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.actions.installation import Installation
from pipeline.actions.mistakes import Seen
from pipeline.actions.operating_point import keep_operating_point, operating_point
from pipeline.actions.runs import change
from pipeline.core.errors import TrackingUnreachable
from pipeline.core.mistakes.stored import read_stored
from pipeline.core.volume.operating_point import load_operating_point
from pipeline.core.volume.run_folder import RunFolder
from tests.core.mistakes.tables import table
from tests.tested_runs import run_with_test

BOX, FAR = (10, 10, 30, 30), (50, 50, 70, 70)


@pytest.fixture
def tested(here: Installation) -> RunFolder:
    """A star found with 0.9; one of two circles with 0.8, and one for nothing with 0.6."""
    rows = (
        ("a", "target", 2, None, BOX),
        ("a", "prediction", 2, 0.9, BOX),
        ("b", "target", 0, None, BOX),
        ("b", "prediction", 0, 0.8, BOX),
        ("c", "target", 0, None, BOX),
        ("c", "prediction", 0, 0.6, FAR),
    )
    return run_with_test(here, table(*rows))


def test_a_wish_gives_a_confidence_and_one_for_each_class(tested: RunFolder) -> None:
    seen = Seen(read_stored(tested))
    point = operating_point(seen, "precision", 0.99, is_by_class=True)
    assert point is not None
    assert 0.6 < point.conf <= 0.8
    assert point.precision >= 0.99
    assert (point.recall, point.split) == (0.75, "test")
    assert set(point.classes) == {"circle", "star"}, "square has no targets"
    assert point.classes["star"] < 0.6 < point.classes["circle"]
    assert operating_point(seen, "recall", 0.9) is None


def test_it_is_kept_with_the_run_and_in_mlflow(here: Installation, tested: RunFolder) -> None:
    change.track(here, tested.name)
    point = operating_point(Seen(read_stored(tested)), "f1")
    keep_operating_point(here, tested.name, point)
    kept = load_operating_point(tested)
    assert kept is not None and point is not None
    assert replace(kept, by="", at="") == point
    assert kept.by == here.settings.user and kept.at
    assert tag_of(here, tested) == f"{point.conf:g}"
    keep_operating_point(here, tested.name, None)
    assert load_operating_point(tested) is None
    assert tag_of(here, tested) == ""


def test_without_mlflow_it_is_kept_all_the_same(here: Installation, tested: RunFolder) -> None:
    change.track(here, tested.name)
    away = Installation(replace(here.settings, tracking_uri="http://127.0.0.1:1"))
    with pytest.raises(TrackingUnreachable):
        keep_operating_point(away, tested.name, operating_point(Seen(read_stored(tested)), "f1"))
    assert load_operating_point(tested)


def tag_of(here: Installation, folder: RunFolder) -> str:
    from mlflow import MlflowClient

    from pipeline.tracking.server import tracking_uri

    run_id = here.tracking.run_id(folder.name)
    assert run_id
    run = MlflowClient(tracking_uri(here.settings)).get_run(run_id)
    return run.data.tags["slipway.operating_conf"]


def test_classes_of_one_name_have_a_confidence_each(here: Installation) -> None:
    rows = (
        ("a", "target", 0, None, BOX),
        ("a", "prediction", 0, 0.9, BOX),
        ("b", "target", 2, None, BOX),
        ("b", "prediction", 2, 0.5, BOX),
    )
    folder = run_with_test(here, table(*rows), names=("star", "square", "star"))
    point = operating_point(Seen(read_stored(folder)), "precision", 0.99, is_by_class=True)
    assert point is not None
    assert set(point.classes) == {"star (0)", "star (2)"}
