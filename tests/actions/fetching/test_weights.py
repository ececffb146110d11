from __future__ import annotations

import hashlib
import os
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.actions.fetching.downloads import Download, Downloads
from pipeline.actions.fetching.weights import Fetched, fetch
from pipeline.actions.installation import Installation
from pipeline.core.errors import InputError, NotFound, SlipwayError, Stopped, Unreachable
from pipeline.core.settings import Settings
from tests.waiting import until
from tests.weights_files import evil_weights
from tests.weights_server import WeightsServer, weights_file, weights_server

__all__ = ["weights_server"]

NAME = "yolo11n.pt"


@pytest.fixture
def here(volume: Path, state: Path, weights_server: WeightsServer) -> Installation:
    return Installation(Settings(volume, state, weights_url=weights_server.release))


def folder(here: Installation) -> set[str]:
    """All files in weights/, hidden ones too."""
    path = here.settings.volume / "weights"
    return {entry.name for entry in path.iterdir()} if path.is_dir() else set()


def test_what_was_fetched_is_checked_and_can_be_chosen(
    here: Installation, weights_server: WeightsServer
) -> None:
    content = weights_file()
    weights_server.publish(NAME, content)
    told: list[tuple[int, int]] = []
    found = fetch(here, NAME, lambda done, total: told.append((done, total)))
    sha256 = hashlib.sha256(content).hexdigest()
    api = f"{weights_server.address}/api/v3/repos/ultralytics/assets/releases/tags/v8.4.0"
    assert found == Fetched(NAME, f"weights/{NAME}", len(content), sha256, compared_with=api)
    assert (here.settings.volume / found.path).read_bytes() == content
    assert folder(here) == {NAME}
    assert told[0] == (0, len(content)) and told[-1] == (len(content), len(content))
    assert told == sorted(told)
    assert here.volume.resolve("model", "yolo11n").path == found.path


def test_what_has_another_checksum_is_not_kept(
    here: Installation, weights_server: WeightsServer
) -> None:
    weights_server.publish(NAME, weights_file(), digest="sha256:" + 64 * "0")
    with pytest.raises(InputError, match="SHA-256") as caught:
        fetch(here, NAME)
    assert 64 * "0" in caught.value.message and not folder(here)


def test_what_would_run_code_is_not_kept_even_with_the_right_checksum(
    here: Installation, weights_server: WeightsServer
) -> None:
    mark = here.settings.volume / "mark"
    weights_server.publish(NAME, evil_weights(mark))
    with pytest.raises(InputError, match=r"would run code .*mkdir"):
        fetch(here, NAME)
    assert not folder(here) and not mark.exists()


@pytest.mark.parametrize("digest", [None, "md5:00", "sha256:zz"])
def test_without_a_published_checksum_the_computed_one_is_said(
    here: Installation, weights_server: WeightsServer, digest: str | None
) -> None:
    weights_server.publish(NAME, weights_file(), digest)
    found = fetch(here, NAME)
    assert found.sha256 == hashlib.sha256(weights_file()).hexdigest()
    assert not found.compared_with and f"says none of {NAME}" in found.why_not


@pytest.mark.parametrize("document", [b"[]", b"{", b'{"assets": 3}', b'{"assets": [1, null]}'])
def test_an_api_that_answers_nonsense_is_said(
    here: Installation, weights_server: WeightsServer, document: bytes
) -> None:
    weights_server.publish(NAME, weights_file())
    api = next(path for path in weights_server.files if "/api/" in path)
    weights_server.files[api] = document
    found = fetch(here, NAME)
    assert not found.compared_with and found.why_not


@pytest.mark.parametrize("mark", [" ", "*"])
def test_a_mirror_has_its_checksums_beside_the_files(
    here: Installation, weights_server: WeightsServer, mark: str
) -> None:
    content = weights_file()
    mirror = Installation(
        Settings(
            here.settings.volume, here.settings.state, weights_url=weights_server.address + "/m/"
        )
    )
    weights_server.files[f"/m/{NAME}"] = content
    sums = f"{64 * '1'} {mark}x{NAME}\n{hashlib.sha256(content).hexdigest()} {mark}{NAME}\n"
    weights_server.files["/m/SHA256SUMS"] = sums.encode()
    assert fetch(mirror, NAME).compared_with == f"{weights_server.address}/m/SHA256SUMS"
    (here.settings.volume / "weights" / NAME).unlink()
    weights_server.files["/m/SHA256SUMS"] = f"{64 * '1'} {mark}{NAME}\n".encode()
    with pytest.raises(InputError, match="nothing was kept"):
        fetch(mirror, NAME)
    assert not folder(here)
    del weights_server.files["/m/SHA256SUMS"]
    assert "SHA256SUMS does not exist" in fetch(mirror, NAME).why_not


@pytest.mark.parametrize("has_length", [True, False])
def test_a_connection_that_is_cut_leaves_nothing(
    here: Installation, weights_server: WeightsServer, has_length: bool
) -> None:
    weights_server.publish(NAME, weights_file(), digest=None)
    weights_server.cut_after, weights_server.has_length = 300_000, has_length
    kind = Unreachable if has_length else InputError  # without a length it is no whole archive
    with pytest.raises(kind) as caught:
        fetch(here, NAME)
    assert not folder(here)
    assert f"Or get {weights_server.release}/{NAME} elsewhere" in caught.value.next
    assert str(here.settings.volume / "weights" / NAME) in caught.value.next


def test_a_server_that_says_nothing_is_given_up(
    here: Installation, weights_server: WeightsServer
) -> None:
    weights_server.publish(NAME, weights_file())
    weights_server.hold_after = 300_000
    with pytest.raises(Unreachable, match="timed out"):
        fetch(here, NAME, timeout_s=0.3)
    assert not folder(here)


@pytest.mark.parametrize("has_length", [True, False])
def test_what_is_too_large_is_not_fetched(
    here: Installation, weights_server: WeightsServer, has_length: bool
) -> None:
    weights_server.publish(NAME, weights_file())
    weights_server.has_length = has_length
    with pytest.raises(InputError, match="more than 9,999 bytes"):
        fetch(here, NAME, max_bytes=9_999)
    assert not folder(here)


def test_a_page_to_log_in_is_no_weights(here: Installation, weights_server: WeightsServer) -> None:
    weights_server.publish(NAME, b"<html>Accept our terms</html>", digest=None)
    with pytest.raises(InputError, match="no whole file of weights"):
        fetch(here, NAME)
    assert not folder(here)


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFound), (403, Unreachable), (503, Unreachable)]
)
def test_an_answer_that_is_an_error_is_said(
    here: Installation, weights_server: WeightsServer, status: int, kind: type[SlipwayError]
) -> None:
    weights_server.publish(NAME, weights_file())
    weights_server.status = status
    with pytest.raises(kind, match=f"HTTP {status}"):
        fetch(here, NAME)


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid", "a..b"])
def test_without_a_network_the_file_and_its_place_are_named(here: Installation, host: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        url = f"http://{host}:{taken.getsockname()[1]}/m"
        away = Installation(Settings(here.settings.volume, here.settings.state, weights_url=url))
        with pytest.raises(Unreachable, match=f"{host}.* cannot be reached") as caught:
            fetch(away, NAME)
    assert f"{url}/{NAME}" in caught.value.next
    assert f"put it at {here.settings.volume}/weights/{NAME}" in caught.value.next


@pytest.mark.parametrize("place", [NAME, f"weights/{NAME}"])
def test_a_file_that_is_there_stays(
    here: Installation, weights_server: WeightsServer, place: str
) -> None:
    (here.settings.volume / "weights").mkdir()
    (here.settings.volume / place).write_bytes(b"mine")
    with pytest.raises(InputError, match="already"):
        fetch(here, NAME)
    assert (here.settings.volume / place).read_bytes() == b"mine" and not weights_server.asked


def test_a_file_that_was_put_there_meanwhile_stays(
    here: Installation, weights_server: WeightsServer
) -> None:
    weights_server.publish(NAME, weights_file())

    def put(done: int, total: int) -> None:
        (here.settings.volume / "weights" / NAME).write_bytes(b"mine")

    with pytest.raises(InputError, match="already"):
        fetch(here, NAME, put)
    assert (here.settings.volume / "weights" / NAME).read_bytes() == b"mine"
    assert folder(here) == {NAME}


def test_a_volume_that_cannot_be_written_is_said(
    here: Installation, weights_server: WeightsServer
) -> None:
    weights_server.publish(NAME, weights_file())
    (here.settings.volume / "weights").write_text("a file where the folder should be")
    with pytest.raises(InputError, match="cannot be written") as caught:
        fetch(here, NAME)
    assert str(here.settings.volume / "weights" / NAME) in caught.value.message
    assert not weights_server.asked


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_said(here: Installation) -> None:
    (here.settings.volume / "weights").mkdir(mode=0o500)
    with pytest.raises(InputError, match="Permission denied"):
        fetch(here, NAME)


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may become larger than 300 kB, as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_leaves_nothing(
    here: Installation, weights_server: WeightsServer, small_files: None
) -> None:
    weights_server.publish(NAME, weights_file())
    with pytest.raises(InputError, match=f"{NAME} cannot be written: File too large"):
        fetch(here, NAME)
    assert not folder(here)


def test_a_link_out_of_the_volume_is_not_followed(here: Installation, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (here.settings.volume / "weights").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="leads out of the volume"):
        fetch(here, NAME)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("name", ["best.pt", "../yolo11n.pt", "yolo11n-seg.pt", ""])
def test_other_names_are_refused(
    here: Installation, weights_server: WeightsServer, name: str
) -> None:
    with pytest.raises(NotFound, match="none of the official weights"):
        fetch(here, name)
    assert not weights_server.asked


def test_what_a_killed_process_left_goes(here: Installation, weights_server: WeightsServer) -> None:
    weights_server.publish(NAME, weights_file())
    place = here.settings.volume / "weights"
    place.mkdir()
    old, live = place / f".{NAME}.0a.tmp", place / f".{NAME}.0b.tmp"
    old.write_bytes(b"half")
    live.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    fetch(here, NAME)
    assert folder(here) == {NAME, live.name}


def test_a_stop_leaves_nothing(here: Installation, weights_server: WeightsServer) -> None:
    weights_server.publish(NAME, weights_file())

    def stop(done: int, total: int) -> None:
        if done > 200_000:
            raise Stopped("stopped")

    with pytest.raises(Stopped):
        fetch(here, NAME, stop)
    assert not folder(here)


def over(downloads: Downloads) -> Download:
    """Give the download when it is over."""
    return until(lambda: next((one for one in downloads.known() if not one.is_running), None))


def test_a_second_click_fetches_nothing_twice(
    here: Installation, weights_server: WeightsServer
) -> None:
    weights_server.publish(NAME, weights_file())
    weights_server.hold_after = 300_000
    downloads = Downloads(here)
    downloads.start(NAME)
    assert weights_server.holds.wait(30)
    downloads.start(NAME)
    running = until(lambda: next((one for one in downloads.known() if one.done), None))
    assert running.is_running and running.total == len(weights_file())
    weights_server.go_on.set()
    ended = over(downloads)
    assert ended.fetched and ended.fetched.compared_with and not ended.failure
    downloads.start(NAME)
    assert downloads.known() == [ended]
    assert sum(path.endswith(NAME) for path in weights_server.asked) == 1
    downloads.stop(NAME)
    assert downloads.known() == [] and folder(here) == {NAME}


def test_a_stop_while_the_server_is_silent_is_at_once_and_final(
    here: Installation, weights_server: WeightsServer
) -> None:
    weights_server.publish(NAME, weights_file())
    weights_server.hold_after = 300_000
    downloads = Downloads(here)
    downloads.start(NAME)
    assert weights_server.holds.wait(30)
    downloads.stop(NAME)
    assert downloads.known() == []
    weights_server.go_on.set()
    until(lambda: not folder(here))  # the temporary file goes once the server says something
    downloads.start(NAME)
    assert over(downloads).fetched


def test_a_failure_is_kept_until_it_is_tried_again(
    here: Installation, weights_server: WeightsServer
) -> None:
    weights_server.status = 503
    downloads = Downloads(here)
    downloads.start(NAME)
    failure = over(downloads).failure
    assert isinstance(failure, Unreachable)
    weights_server.status = 200
    weights_server.publish(NAME, weights_file())
    downloads.start(NAME)
    assert over(downloads).fetched
