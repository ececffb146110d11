from dashboard.theme import DARK, LIGHT
from dashboard.widgets.dataset.distribution import class_counts, distribution_figure
from pipeline.core.dataset.checks.counts import ClassCounts, SplitCounts

SPLITS = {
    "train": SplitCounts(classes={"star": ClassCounts(2, 3), "circle": ClassCounts(5, 9)}),
    "val": SplitCounts(classes={"star": ClassCounts(1, 1)}),
}


def test_classes_are_added_up_over_the_chosen_splits() -> None:
    assert class_counts(SPLITS, ["train", "val"]) == {"circle": (9, 5), "star": (4, 3)}
    assert class_counts(SPLITS, ["val"]) == {"star": (1, 1)}


def test_the_chart_shows_instances_and_images_in_the_colours_of_the_theme() -> None:
    for look in (LIGHT, DARK):
        figure = distribution_figure(class_counts(SPLITS, ["train"]), look)
        assert [bar["name"] for bar in figure["data"]] == ["instances", "images"]
        assert [bar["x"] for bar in figure["data"]] == [[9, 3], [5, 2]]
        assert figure["data"][0]["marker"]["color"] == look.accent


def test_an_empty_dataset_has_an_empty_chart() -> None:
    assert distribution_figure({}, LIGHT)["data"][0]["x"] == []
