import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.actions import inspections
from pipeline.actions.inspections import Inspection, Inspections
from pipeline.actions.installation import Installation
from pipeline.core.settings import Settings
from tests.waiting import until

DATA = "data-custom.yaml"
LABEL = "datasets/shapes/labels/train/train-0001.txt"
IMAGE = "datasets/shapes/images/train/train-0001.jpg"


@pytest.fixture
def reader(volume: Path, state: Path) -> Inspections:
    return Inspections(Installation(Settings(volume, state)))


def read(reader: Inspections) -> Inspection:
    return reader.look(DATA, wait_s=30)


def test_nothing_is_known_before_somebody_looks(reader: Inspections) -> None:
    assert reader.known(DATA) == Inspection()
    found = read(reader)
    assert found.report and found.report.splits["train"].images == 17
    assert found.samples and len(found.samples.images) == 24
    assert not found.is_running and reader.known(DATA) == found


def test_what_changed_is_read_again(reader: Inspections, volume: Path) -> None:
    first = read(reader)
    (volume / LABEL).write_text("0 0.5 0.5\n")
    second = read(reader)
    assert first.report and second.report
    assert first.report.fingerprint != second.report.fingerprint


def test_a_report_that_says_the_same_is_no_news(reader: Inspections, volume: Path) -> None:
    """A list with an image outside keeps reports from being used again."""
    (volume / "list.txt").write_text("./datasets/shapes/images/train/train-0001.jpg\n/etc/a.jpg\n")
    (volume / DATA).write_text("train: list.txt\nval: list.txt\nnames: [a, b, c]\n")
    first, second = read(reader), read(reader)
    assert first.report and "outside-volume" in {one.code for one in first.report.all_findings}
    assert second.report is first.report
    (volume / DATA).write_text("train: list.txt\nval: list.txt\nnames: [a, b, d]\n")
    third = read(reader)
    assert third.report and third.report.names[2] == "d"


def test_a_yaml_that_is_not_acceptable_has_findings_and_no_samples(
    reader: Inspections, volume: Path
) -> None:
    (volume / DATA).write_text("train: [\n")
    found = read(reader)
    assert found.report and not found.report.ok and found.samples is None


def test_a_deep_check_counts_until_lists_or_labels_change(
    reader: Inspections, volume: Path
) -> None:
    (volume / IMAGE).write_bytes(b"no image")
    reader.open_images(DATA)
    until(lambda: not reader.known(DATA).is_running)
    deep = read(reader)
    assert deep.deep_at and deep.report
    assert "image-damaged" in {finding.code for finding in deep.report.all_findings}
    assert deep.samples and "image-damaged" in deep.samples.codes()
    (volume / LABEL).write_text("0 0.5 0.5\n")
    assert read(reader).deep_at == ""


def test_images_are_opened_after_what_is_being_read(reader: Inspections, volume: Path) -> None:
    (volume / IMAGE).write_bytes(b"no image")
    reader.look(DATA)  # waits for nothing: the reading has just begun
    reader.open_images(DATA)
    assert reader.known(DATA).is_deep
    for _ in range(100):
        if reader.known(DATA).deep_at:
            break
        time.sleep(0.05)
    found = reader.known(DATA)
    assert found.deep_at and found.report
    assert "image-damaged" in {finding.code for finding in found.report.all_findings}


def test_what_is_stopped_stays_as_it_was_until_somebody_asks(
    reader: Inspections, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_begun, may_go_on = threading.Event(), threading.Event()
    real = inspections.inspect_dataset

    def slow(*args: object, watch: Callable[[str, int, int], None], **options: object) -> object:
        watch("labels", 3, 24)
        has_begun.set()
        may_go_on.wait(30)
        watch("labels", 4, 24)
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(inspections, "inspect_dataset", slow)
    running = reader.look(DATA)
    assert has_begun.wait(30)
    running = reader.known(DATA)
    assert running.is_running and (running.done, running.total) == (3, 24)
    reader.stop(DATA)
    may_go_on.set()
    until(lambda: not reader.known(DATA).is_running)
    assert "stopped" in reader.known(DATA).failure
    assert not reader.look(DATA).is_running
    monkeypatch.setattr(inspections, "inspect_dataset", real)
    reader.again(DATA)
    assert read(reader).report


def test_a_reading_that_breaks_says_why(
    reader: Inspections, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **options: object) -> object:
        raise MemoryError("no room")

    monkeypatch.setattr(inspections, "inspect_dataset", broken)
    assert read(reader).failure == "MemoryError: no room"


def test_the_others_are_read_ahead(reader: Inspections, volume: Path) -> None:
    (volume / "data-two.yaml").write_bytes((volume / DATA).read_bytes())
    reader.read_ahead([DATA, "data-two.yaml"])
    until(lambda: all(reader.known(name).report for name in (DATA, "data-two.yaml")))
    one, two = (reader.known(name).report for name in (DATA, "data-two.yaml"))
    assert one and two and one.splits == two.splits


def test_the_numbers_are_there_before_the_images_are_listed(
    reader: Inspections, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on, real = threading.Event(), inspections.read_boxes

    def slow(*args: object, **options: object) -> object:
        may_go_on.wait(30)
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(inspections, "read_boxes", slow)
    reader.look(DATA)
    until(lambda: reader.known(DATA).report is not None)
    early = reader.known(DATA)
    assert early.is_running and early.samples is None
    assert early.report and early.report.splits["train"].images == 17
    may_go_on.set()
    until(lambda: reader.known(DATA).samples is not None)
