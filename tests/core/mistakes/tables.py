"""Tables of boxes as a test step would have seen them, drawn from a seed."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import strategies as st

from pipeline.core.mistakes.table import BOXES

SCHEMA = {name: kind for name, kind in BOXES.items() if name not in ("partner", "iou", "fate")}


def table(*rows):
    """Make a table of (image, role, class, conf, box) rows."""
    return pl.DataFrame(
        [(image, role, of, conf, *box) for image, role, of, conf, box in rows],
        schema=SCHEMA,
        orient="row",
    )


def drawn(seed, images=8, classes=3, targets=5, extra=4, step=0.0, side=640):
    """Draw images with targets, and predictions that hit, slip, double and invent.

    With a step, places and confidences come from a grid, so that there are ties.
    """
    random = np.random.default_rng(seed)
    rows = []
    for number in range(images):
        image = f"{'ab'[number % 2]}/{number // 2}.jpg"  # the same names in two folders
        boxes = [(_box(random, side, step)) for _ in range(random.integers(0, targets + 1))]
        of = random.integers(0, classes, len(boxes))
        rows += [(image, "target", int(c), None, b) for c, b in zip(of, boxes, strict=True)]
        found = []
        for c, box in zip(of, boxes, strict=True):
            for _ in range(random.integers(0, 4)):
                slip = random.normal(0, random.choice([0.5, 4, 20]), 4)
                seen = c if random.random() < 0.7 else random.integers(0, classes)
                found.append((int(seen), _ordered(np.add(box, slip), step)))
        invented = random.integers(0, extra + 1)
        found += [(int(random.integers(0, classes)), _box(random, side, step))] * int(invented > 0)
        conf = random.uniform(0.001, 1, len(found))
        if step:
            conf = np.round(conf, 1) + 0.001
        conf = -np.sort(-conf.astype(np.float32))
        found = [found[i] for i in random.permutation(len(found))]
        rows += [
            (image, "prediction", c, float(s), b) for (c, b), s in zip(found, conf, strict=True)
        ]
    return table(*rows)


def _box(random, side, step):
    x, y = random.uniform(0, side, 2)
    width, height = random.choice([12, 40, 150], 2) * random.uniform(0.7, 1.3)
    return _ordered((x, y, x + width, y + height), step)


def _ordered(box, step):
    x1, y1, x2, y2 = np.round(np.array(box) / step) * step if step else box
    return (min(x1, x2), min(y1, y2), max(x1, x2) + 1, max(y1, y2) + 1)


TABLES = st.builds(
    drawn,
    st.integers(0, 2**32 - 1),
    images=st.integers(0, 9),
    classes=st.sampled_from((1, 2, 3, 30)),
    targets=st.sampled_from((0, 1, 5, 40)),
    extra=st.sampled_from((0, 4)),
    step=st.sampled_from((0.0, 4.0, 16.0)),
    side=st.sampled_from((100, 640)),
)
