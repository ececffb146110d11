from __future__ import annotations

import base64
import re

from dashboard.widgets.mistakes.overlay import picture_html
from pipeline.core.dataset.thumbnails import Picture

PICTURE = Picture(b"jpeg", 200, 100)
TARGET = {
    "role": "target",
    "class": 0,
    "conf": None,
    "iou": None,
    "fate": "missed",
    "x1": 20.0,
    "y1": 10.0,
    "x2": 60.0,
    "y2": 50.0,
}
PREDICTION = TARGET | {"role": "prediction", "conf": 0.876, "iou": 0.41, "fate": "badly_placed"}


def drawn(*boxes, names=("star",)):
    return picture_html(PICTURE, boxes, names, width_px=100, described="a.jpg")


def lines(html):
    return base64.b64decode(re.search(r"svg\+xml;base64,([^\"]+)", html)[1]).decode()


def test_labels_are_solid_and_predictions_are_dashed():
    assert "stroke-dasharray" not in lines(drawn(TARGET))
    assert "stroke-dasharray" in lines(drawn(PREDICTION))


def test_a_box_lies_where_it_is_whatever_the_size_on_the_screen():
    html = drawn(TARGET)
    assert 'x="10.0" y="5.0" width="20.0" height="20.0"' in lines(html)
    assert "left:10.00%;top:10.00%;width:20.00%;height:40.00%" in html


def test_hovering_names_class_confidence_iou_and_what_became_of_it():
    assert 'title="label · star · missed"' in drawn(TARGET)
    assert 'title="prediction · star · 0.88 · IoU 0.41 · badly placed"' in drawn(PREDICTION)


def test_what_reaches_beyond_the_image_is_cut_off_at_its_edges():
    html = drawn(PREDICTION | {"x1": -50.0, "x2": 900.0})
    assert "left:0.00%;top:10.00%;width:100.00%" in html


def test_a_class_name_is_no_html():
    html = drawn(TARGET, names=('"><script>alert(1)</script>',))
    assert "<script>" not in html
    assert "<script>" not in lines(html)
