from __future__ import annotations

from ultralytics.nn.autobackend import check_class_names

from step_images.test.measuring import own_names


def test_imagenet_codes_keep_the_names_that_the_data_yaml_gives_them() -> None:
    given = {0: "n01440764", 1: "n01443537", 2: "mine"}
    called = check_class_names(dict(given))
    assert called != given
    assert own_names(called, given) == given


def test_weights_with_other_names_keep_theirs() -> None:
    assert own_names({0: "cat", 1: "dog"}, {0: "n01440764"}) == {0: "cat", 1: "dog"}
