import base64
import re
import xml.etree.ElementTree as ET

import pytest

from dashboard.widgets.dataset.boxes import box_overlay, class_colour, picture_html
from pipeline.core.dataset.labels.of_image import LabelLine
from pipeline.core.dataset.thumbnails import Picture

SVG = "{http://www.w3.org/2000/svg}"
NAMES = {0: "circle", 1: "<b>&별"}
BOX = LabelLine(1, "0 …", 0, (0.25, 0.5, 0.5, 0.25))


def drawn(*lines: LabelLine, marked: tuple[int, ...] = ()) -> ET.Element:
    return ET.fromstring(box_overlay(lines, NAMES, 400, 200, room_px=(200, 200), marked=marked))


def test_a_box_lies_where_it_is_in_the_image() -> None:
    picture = drawn(BOX)
    assert (picture.get("width"), picture.get("height")) == ("200.00", "100.00")
    edge, line, *_ = picture.iter(f"{SVG}rect")
    for rect in (edge, line):
        place = [float(rect.get(key, "")) for key in ("x", "y", "width", "height")]
        assert place == [50, 50, 100, 25]
    assert line.get("stroke") == class_colour(0)


def test_the_class_is_written_whatever_its_name() -> None:
    other = LabelLine(2, "1 …", 1, (0.0, 0.0, 0.1, 0.1))
    assert [text.text for text in drawn(BOX, other).iter(f"{SVG}text")] == ["circle", "<b>&별"]


def test_a_line_that_is_not_used_is_dashed() -> None:
    wrong = LabelLine(1, "9 …", 9, (0.1, 0.1, 0.2, 0.2), mistake="class 9 does not exist")
    rects = list(drawn(wrong).iter(f"{SVG}rect"))
    assert any(rect.get("stroke-dasharray") for rect in rects)
    assert not any(rect.get("stroke-dasharray") for rect in drawn(BOX).iter(f"{SVG}rect"))


def test_polygons_and_points_are_drawn_too() -> None:
    line = LabelLine(
        1, "", 0, (0.1, 0.2, 0.4, 0.6), ((0.1, 0.2), (0.5, 0.2), (0.5, 0.8)), ((0.3, 0.4),)
    )
    picture = drawn(line)
    polygon = picture.find(f".//{SVG}polygon")
    assert polygon is not None and polygon.get("points") == "20.00,20.00 100.00,20.00 100.00,80.00"
    circle = picture.find(f".//{SVG}circle")
    assert circle is not None and (circle.get("cx"), circle.get("cy")) == ("60.00", "40.00")


def test_a_line_without_a_place_is_left_out() -> None:
    assert list(drawn(LabelLine(1, "x", mistake="no number"))) == []


def test_what_is_chosen_stands_out() -> None:
    other = LabelLine(2, "1 …", 1, (0.0, 0.0, 0.1, 0.1))
    quiet, chosen = drawn(BOX, other, marked=(2,)).findall(f"{SVG}g")
    assert (quiet.get("opacity"), chosen.get("opacity")) == ("0.25", "1")


def test_many_boxes_have_few_names() -> None:
    lines = [LabelLine(number, "", 0, (0.1, 0.1, 0.1, 0.1)) for number in range(300)]
    picture = drawn(*lines)
    assert len(list(picture.iter(f"{SVG}g"))) == 300
    assert len(list(picture.iter(f"{SVG}text"))) == 40


@pytest.mark.parametrize("class_id", [0, 7, 8, 79, 999])
def test_a_class_keeps_its_colour(class_id: int) -> None:
    assert class_colour(class_id) == class_colour(class_id)
    assert re.fullmatch("#[0-9A-F]{6}", class_colour(class_id))
    assert len({class_colour(index) for index in range(8)}) == 8


def test_the_picture_and_its_boxes_are_two_images_of_one_shape() -> None:
    text = picture_html(
        Picture(b"jpeg", 400, 200), [BOX], NAMES, room_px=(200, 200), described='a"b'
    )
    under, over = re.findall(r'src="data:([^"]+)"', text)
    assert under == f"image/jpeg;base64,{base64.b64encode(b'jpeg').decode()}"
    assert over.startswith("image/svg+xml;base64,") and 'alt="a&quot;b"' in text
