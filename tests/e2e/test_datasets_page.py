"""The Datasets page in a real browser: what no test without one can see."""

import io
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Dashboard
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.e2e

GREEN, RED = (20, 160, 60), (220, 20, 20)
ORIENTATION, QUARTER_TURN = 0x0112, 6
ORANGE = (230, 159, 0)  # the first class's colour
# Upright, 300 x 600: a red square from (60, 120) to (180, 240).
SIZE, SQUARE = (300, 600), (60, 120, 180, 240)


def write_turned(volume: "Path") -> None:
    """Write a dataset of one image a split that cameras would store lying on its side."""
    upright = Image.new("RGB", SIZE, GREEN)
    upright.paste(RED, SQUARE)
    exif = Image.Exif()
    exif[ORIENTATION] = QUARTER_TURN
    left, top, right, bottom = SQUARE
    box = [(left + right) / 600, (top + bottom) / 1200, (right - left) / 300, (bottom - top) / 600]
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (volume / "datasets" / "turned" / kind / split).mkdir(parents=True)
        stem = f"datasets/turned/images/{split}/{split}.jpg"
        upright.transpose(Image.Transpose.ROTATE_90).save(volume / stem, exif=exif, quality=95)
        label = volume / "datasets/turned/labels" / split / f"{split}.txt"
        label.write_text("0 " + " ".join(map(str, box)) + "\n", encoding="utf-8")
    text = "path: datasets/turned\ntrain: images/train\nval: images/val\nnames: [square]\n"
    (volume / "data-turned.yaml").write_text(text, encoding="utf-8")


def pixels(shown: "Locator") -> Image.Image:
    """Give what the browser drew in the place of the picture, without the room beside it."""
    drawn = Image.open(io.BytesIO(shown.screenshot())).convert("RGB")
    scale = min(drawn.width / SIZE[0], drawn.height / SIZE[1])
    width, height = SIZE[0] * scale, SIZE[1] * scale
    left, top = (drawn.width - width) / 2, (drawn.height - height) / 2
    return drawn.crop((round(left), round(top), round(left + width), round(top + height)))


def is_near(colour: object, other: tuple[int, int, int]) -> bool:
    assert isinstance(colour, tuple)
    return all(abs(one - two) < 60 for one, two in zip(colour, other, strict=True))


def test_boxes_lie_on_what_they_name_though_the_camera_was_turned(
    page: "Page", dashboard: "Dashboard"
) -> None:
    write_turned(dashboard.volume)
    page.goto(
        f"{dashboard.url}/datasets?data=data-turned&part=samples"
        "&image=datasets/turned/images/train/train.jpg"
    )
    picture = page.locator(".samples-full img").first
    expect(picture).to_be_visible()
    expect(page.get_by_text("300 × 600 px")).to_be_visible()
    page.wait_for_timeout(500)  # the dialog fades in
    drawn = pixels(picture)

    def at(x: float, y: float) -> object:
        return drawn.getpixel((round(x * drawn.width / 300), round(y * drawn.height / 600)))

    assert is_near(at(120, 180), RED)
    assert is_near(at(240, 180), GREEN) and is_near(at(120, 500), GREEN)
    for x, y in ((180, 200), (120, 240), (60, 200)):  # the middle of three edges
        near = [at(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
        assert any(is_near(colour, ORANGE) for colour in near), (x, y, near)


def test_from_a_finding_to_its_image_and_on_to_a_launch(
    page: "Page", dashboard: "Dashboard"
) -> None:
    label = dashboard.volume / "datasets/shapes/labels/train/train-0001.txt"
    label.write_text("0 0.5 0.5 0.2 0.2\n9 0.5 0.5 0.1 0.1\n", encoding="utf-8")
    page.goto(f"{dashboard.url}/?data=data-custom")
    expect(page.get_by_text("Not ready")).to_be_visible()
    page.get_by_role("button", name="Open the dataset").click()
    expect(page).to_have_url(re.compile(r"/datasets\?data=data-custom"))
    expect(page.get_by_text(re.compile(r"1 error$")).first).to_be_visible()
    page.get_by_role("radio", name=re.compile("Findings")).click()
    table = page.locator('[data-testid="stDataFrame"]').last
    expect(table).to_be_visible()
    page.wait_for_timeout(500)  # a canvas has no text that could be waited for
    table.click(position={"x": 300, "y": 55})
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("left out by the training")).to_be_visible()
    expect(page).to_have_url(re.compile(r"image=.*train-0001\.jpg&line=2"))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page).not_to_have_url(re.compile("image="))
    page.get_by_role("button", name="Launch with this data").click()
    expect(page.get_by_text("Not ready")).to_be_visible()
