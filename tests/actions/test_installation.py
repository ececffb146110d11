from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.actions.installation import Installation
from pipeline.core.errors import EngineUnreachable
from pipeline.core.settings import Settings


@pytest.fixture
def here(volume: Path, state: Path) -> Installation:
    engines = ("local", "kubeflow")
    endpoint = "http://127.0.0.1:9"
    return Installation(
        Settings(volume=volume, state=state, engines=engines, kfp_endpoint=endpoint)
    )


def test_engines_and_tracking_are_made_once_for_everybody(here: Installation) -> None:
    theirs, there = here.as_user("kim"), here.on("kubeflow")
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: (theirs.engine("local"), there.tracking), range(32)))
    assert set(made) == {(here.engine(), here.tracking)}
    assert here.engines == {"local": here.engine(), "kubeflow": there.engine()}


def test_only_the_person_or_the_engine_is_another(here: Installation) -> None:
    theirs = here.as_user("kim").on("kubeflow")
    assert (theirs.settings.user, theirs.settings.engine) == ("kim", "kubeflow")
    assert here.settings.user != "kim" and here.settings.engine == "local"
    assert theirs.volume == here.volume


def test_an_outage_is_known_to_all_of_one_installation_and_to_no_other(here: Installation) -> None:
    asked = []

    def away() -> None:
        asked.append(1)
        raise EngineUnreachable("no answer", next="Wait.")

    for one in (here, here.as_user("kim"), here.on("kubeflow")):
        with pytest.raises(EngineUnreachable, match="no answer"):
            one.ask(one.engine("kubeflow"), away)
    assert len(asked) == 1
    assert here.ask(here.engine("local"), lambda: "well") == "well"
    other = Installation(here.settings)
    assert other.ask(other.engine("kubeflow"), lambda: "well") == "well"


def test_an_answer_that_takes_too_long_is_none(here: Installation) -> None:
    with pytest.raises(EngineUnreachable, match=r"within 0\.01 s"):
        here.ask(here.engine(), time.sleep, 0.5, limit_s=0.01)


def test_what_actions_remember_is_empty_in_a_fresh_installation(here: Installation) -> None:
    here.memory(dict)["a"] = 1
    assert here.as_user("kim").memory(dict) == {"a": 1}
    assert Installation(here.settings).memory(dict) == {}
