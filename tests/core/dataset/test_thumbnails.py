import io
import os
from pathlib import Path

import pytest
from PIL import Image

from pipeline.core.dataset import thumbnails
from pipeline.core.dataset.thumbnails import Picture, Thumbnails, make_picture, prune
from pipeline.core.errors import FileMissing, InputError, UnsafePath
from pipeline.core.volume.paths import Volume

GREEN, RED = (10, 200, 10), (220, 20, 20)
ORIENTATION = 0x0112


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "volume"
    made.mkdir()
    return made


def painted(size: tuple[int, int] = (64, 32)) -> Image.Image:
    """Green, with a red quarter at the top left."""
    image = Image.new("RGB", size, GREEN)
    image.paste(RED, (0, 0, size[0] // 4, size[1] // 2))
    return image


def opened(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.jpeg))


def is_near(colour: object, other: tuple[int, int, int]) -> bool:
    assert isinstance(colour, tuple)
    return all(abs(one - two) < 40 for one, two in zip(colour, other, strict=True))


def test_a_picture_is_no_larger_than_asked_for_and_knows_the_image(folder: Path) -> None:
    painted((640, 320)).save(folder / "a.jpg", quality=95)
    picture = make_picture(Volume(folder), str(folder / "a.jpg"), 64)
    assert (picture.width, picture.height) == (640, 320)
    small = opened(picture)
    assert small.size == (64, 32)
    assert is_near(small.getpixel((4, 4)), RED) and is_near(small.getpixel((40, 20)), GREEN)


def test_a_small_image_is_not_enlarged(folder: Path) -> None:
    painted().save(folder / "a.png")
    assert opened(make_picture(Volume(folder), str(folder / "a.png"), 500)).size == (64, 32)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", [1, 3, 5, 6, 8])
def test_a_picture_is_turned_as_ultralytics_reads_the_image(
    folder: Path, suffix: str, orientation: int
) -> None:
    patches = pytest.importorskip("ultralytics.utils.patches")
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = folder / f"a.{suffix}"
    painted().save(path, exif=exif)
    pixels = patches.imread(str(path))
    picture = make_picture(Volume(folder), str(path), 64)
    assert (picture.height, picture.width) == pixels.shape[:2]
    small = opened(picture)
    for x, y in ((4, 4), (picture.width - 5, 4), (4, picture.height - 5), (20, 20)):
        blue, green, red = (int(value) for value in pixels[y, x])
        assert is_near(small.getpixel((x, y)), (red, green, blue))


def test_sixteen_bits_give_their_high_byte(folder: Path) -> None:
    Image.new("I;16", (40, 40), 180 << 8).save(folder / "a.png")
    small = opened(make_picture(Volume(folder), str(folder / "a.png"), 40))
    assert is_near(small.getpixel((9, 9)), (180, 180, 180))


def test_transparency_is_left_out(folder: Path) -> None:
    Image.new("RGBA", (40, 40), (*RED, 0)).save(folder / "a.png")
    small = opened(make_picture(Volume(folder), str(folder / "a.png"), 40))
    assert is_near(small.getpixel((9, 9)), RED)


def test_a_damaged_image_says_so(folder: Path) -> None:
    (folder / "a.jpg").write_bytes(b"no image at all")
    painted((640, 640)).save(folder / "b.jpg")
    (folder / "b.jpg").write_bytes((folder / "b.jpg").read_bytes()[:900])
    for name in ("a.jpg", "b.jpg"):
        with pytest.raises(InputError, match="cannot be decoded") as caught:
            make_picture(Volume(folder), str(folder / name), 64)
        assert caught.value.where == name


def test_a_decompression_bomb_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    painted((400, 400)).save(folder / "a.png")
    monkeypatch.setattr(thumbnails, "MAX_PIXELS", 100 * 100)
    with pytest.raises(InputError, match="too large to be shown"):
        make_picture(Volume(folder), str(folder / "a.png"), 64)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100 * 100)
    with pytest.raises(InputError, match="too large to be shown"):
        make_picture(Volume(folder), str(folder / "a.png"), 64)


def test_only_what_the_volume_allows_is_opened(folder: Path, tmp_path: Path) -> None:
    painted().save(tmp_path / "secret.png")
    os.symlink(tmp_path / "secret.png", folder / "link.png")
    os.mkfifo(folder / "pipe.png")
    for path in (tmp_path / "secret.png", folder / "link.png", folder / "pipe.png"):
        with pytest.raises(UnsafePath):
            make_picture(Volume(folder), str(path), 64)
    with pytest.raises(FileMissing):
        make_picture(Volume(folder), str(folder / "none.png"), 64)
    roots = Volume(folder, (tmp_path,))
    assert make_picture(roots, str(folder / "link.png"), 64).width == 64


def test_a_kept_picture_is_given_again_until_the_image_changes(
    folder: Path, tmp_path: Path
) -> None:
    image, kept = folder / "a.png", Thumbnails(tmp_path / "kept")
    painted().save(image)
    first = kept.get(Volume(folder), str(image), 32)
    files = list((tmp_path / "kept").rglob("*.thumb"))
    assert len(files) == 1
    assert Thumbnails(tmp_path / "kept").get(Volume(folder), str(image), 32) == first
    painted((320, 320)).save(image)
    assert kept.get(Volume(folder), str(image), 32).width == 320


def test_a_folder_that_cannot_be_written_keeps_nobody_from_looking(
    folder: Path, tmp_path: Path
) -> None:
    painted().save(folder / "a.png")
    (tmp_path / "kept").write_text("not a folder")
    assert Thumbnails(tmp_path / "kept").get(Volume(folder), str(folder / "a.png"), 32).width == 64


def test_the_folder_has_a_limit_and_what_was_used_last_stays(tmp_path: Path) -> None:
    for number in range(10):
        path = tmp_path / f"{number:02d}" / "x.thumb"
        path.parent.mkdir()
        path.write_bytes(b"." * 100)
        os.utime(path, (number, number))
    prune(tmp_path, 1000)
    assert len(list(tmp_path.rglob("*.thumb"))) == 10
    prune(tmp_path, 500)
    left = sorted(path.parent.name for path in tmp_path.rglob("*.thumb"))
    assert left == ["06", "07", "08", "09"]
