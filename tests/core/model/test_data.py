from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ultralytics.utils import ROOT

from pipeline.core.checks.model import check_model_yaml
from pipeline.core.model.data import check_model_data
from pipeline.core.model.names import ACTIVATIONS, ARGUMENT_KEYS, MODULES, WORDS
from pipeline.core.yamltext.file import parse_yaml

SHIPPED = sorted((ROOT / "cfg" / "models").rglob("*.yaml"))
EVIL = "__import__('os').system('touch /tmp/evil')"


def model(**changes: Any) -> dict[str, Any]:
    return {
        "nc": 3,
        "backbone": [[-1, 1, "Conv", [16, 3, 2]], [-1, 2, "C2f", [32, True]]],
        "head": [[-1, 1, "nn.Upsample", ["None", 2, "nearest"]], [[1], 1, "Detect", ["nc"]]],
        **changes,
    }


def with_layer(module: Any = "Conv", arguments: Any = (16,), inputs: Any = -1, n: Any = 1) -> Any:
    if isinstance(arguments, tuple):
        arguments = list(arguments)
    return model(backbone=[[-1, 1, "Conv", [16]], [inputs, n, module, arguments]])


def places(given: Any) -> list[str]:
    return [problem.path for problem in check_model_data(given)]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_model_yaml_of_ultralytics_passes(path: Path) -> None:
    assert check_model_data(yaml.safe_load(path.read_text("utf-8"))) == []


def test_there_are_the_models_of_ultralytics() -> None:
    assert len(SHIPPED) > 50


@pytest.mark.parametrize(
    "module",
    [
        "torch_safe_load", "load_checkpoint", "DetectionModel", "YOLOEModel", "Ensemble", "Path",
        "check_file", "eval", "__builtins__", "torch", "", "conv", " Conv", "nn.Module",
        "nn.DataParallel", "nn.functional", "nn.__builtins__", "nn.Conv", "nn.",
        "torchvision.ops.os", "torchvision.ops.misc", "torchvision.ops.nms", "torch.nn.Conv2d",
        "Silence", EVIL,
    ],
)  # fmt: skip
def test_a_module_that_is_no_listed_layer_is_named(module: str) -> None:
    (problem,) = check_model_data(with_layer(module, []))
    assert (problem.path, problem.code) == ("backbone[1][2]", "model-module")
    assert problem.next


def test_a_typo_in_a_module_is_answered_with_what_was_meant() -> None:
    (problem,) = check_model_data(with_layer("Convv", [16]))
    assert "'Convv'" in problem.message and "Conv" in problem.next


def test_the_silent_first_layer_of_old_models_passes() -> None:
    assert check_model_data(model(backbone=[[-1, 1, "Silence", []]])) == []


@pytest.mark.parametrize(
    "activation",
    [
        "nn.SiLU()", "torch.nn.SiLU()", "torch.nn.LeakyReLU(0.1)", "nn.LeakyReLU(0.1, True)",
        "nn.LeakyReLU(negative_slope=1e-2, inplace=True)", " nn.ReLU( ) ", "nn.GELU('tanh')",
        'nn.GELU(approximate="tanh")', "nn.Hardtanh(-1, 1)", "nn.Identity()", None, "",
    ],
)  # fmt: skip
def test_an_activation_of_torch_passes(activation: Any) -> None:
    assert check_model_data(model(activation=activation)) == []


@pytest.mark.parametrize(
    "activation",
    [
        EVIL, "nn.SiLU", "SiLU()", "nn.SiLU()()", "nn.SiLU(),", "nn.SiLU() or print()",
        "nn.SiLU(print())", "nn.SiLU(*[1])", "nn.SiLU(**{})", "nn.SiLU(inplace=inplace)",
        "nn.SiLU().__class__", "nn.Module()", "nn.DataParallel()", "nn.MultiheadAttention(8, 2)",
        "torch.load('x.pt')", "torch.hub.load('a', 'b')", "os.nn.SiLU()", "nn.functional.silu()",
        "nn.PReLU(100000000000)", "nn.PReLU(1e12)", "nn.GELU('x.pt')", "nn.GELU('tanh' + 'x')",
        "nn.SiLU(\n__import__('os'))", "nn.SiLU()#", "nn.SiLU(;)", "nn.SiLU(1if 1)", "lambda: 0",
        "nn.SiLU(0x7fffffff)", "nn.SiLU(1_000_000)", "nn.SiLU(" + "1," * 500 + ")", "\x00",
        5, True, ["nn.SiLU()"], {"nn": "SiLU()"}, b"nn.SiLU()", compile("1", "x", "eval"),
    ],
)  # fmt: skip
def test_any_other_activation_is_refused(activation: Any) -> None:
    (problem,) = check_model_data(model(activation=activation))
    assert (problem.path, problem.code) == ("activation", "model-activation")
    assert "nn.SiLU()" in problem.next


@pytest.mark.parametrize(
    "argument",
    [EVIL, "ch", "d", "args", "layers", "16 * 16", "[1, 2]", "(1,)", "x.pt", "https://x/y", "act",
     b"1", {"a": 1}, {1}, object(), print],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: [[1, x]]])
def test_an_argument_that_is_no_literal_is_refused(argument: Any, wrap: Any) -> None:
    (problem,) = check_model_data(with_layer("Conv", [16, wrap(argument)]))
    assert (problem.path, problem.code) == ("backbone[1][3]", "model-argument")


@pytest.mark.parametrize("argument", [1, 0.5, -1, "1e-3", ".5", "None", "True", None, False, "nc"])
def test_a_literal_argument_passes(argument: Any) -> None:
    assert check_model_data(with_layer("C2f", [16, argument])) == []


@pytest.mark.parametrize(
    "arguments",
    [
        [512, "resnet18", True],
        [512, "resnet18", "x.pt"],
        [512, "resnet18", "https://x/y.pth"],
        [512, "fcn_resnet50", None],  # fetches its backbone
        [512, "../x", None],
        [512],
        [],
    ],
)
def test_torchvision_builds_its_classifiers_with_its_own_weights(arguments: list[Any]) -> None:
    found = check_model_data(with_layer("TorchVision", arguments))
    assert {problem.path for problem in found} == {"backbone[1][3]"}


@pytest.mark.parametrize("weights", [None, "None", "DEFAULT", "IMAGENET1K_V1"])
def test_torchvision_has_names_for_its_weights(weights: Any) -> None:
    arguments = [512, "resnet18", weights, True, 2]
    assert check_model_data(with_layer("TorchVision", arguments)) == []


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (with_layer(inputs="-1"), "backbone[1][0]"),
        (with_layer(inputs=True), "backbone[1][0]"),
        (with_layer(inputs=[-1, "0"]), "backbone[1][0]"),
        (with_layer(inputs=[]), "backbone[1][0]"),
        (with_layer(inputs=10**9), "backbone[1][0]"),
        (with_layer(inputs=[-1] * 1000), "backbone[1][0]"),
        (with_layer(n=10**9), "backbone[1][1]"),
        (with_layer(n="3"), "backbone[1][1]"),
        (with_layer(n=0), "backbone[1][1]"),
        (with_layer(n=2.5), "backbone[1][1]"),
        (with_layer(arguments="16"), "backbone[1][3]"),
        (with_layer(arguments=[0] * 1000), "backbone[1][3]"),
        (with_layer(arguments=[[[[[[1]]]]]]), "backbone[1][3]"),
        (with_layer(arguments=[10**9]), "backbone[1]"),
        (with_layer(arguments=["1e9"]), "backbone[1]"),
        (with_layer(arguments=[float("nan")]), "backbone[1]"),
        (with_layer(arguments=[16, 5000]), "backbone[1]"),
        (with_layer("nn.Upsample", [None, 256]), "backbone[1]"),
        (with_layer("nn.Linear", [8192, 8192], n=256), "backbone[1]"),
        (with_layer("TorchVision", [512, "vit_h_14", None], n=200), "backbone[1]"),
        (model(nc=10**12), "nc"),
        (model(nc=None), "nc"),
        (model(nc="0"), "nc"),
        (model(reg_max=10**9), "reg_max"),
        (model(kpt_shape=[10**9, 3]), "kpt_shape"),
        (model(kpt_shape="x"), "kpt_shape"),
        (model(end2end="yes"), "end2end"),
        (model(channels=10**9), "channels"),
        (model(depth_multiple=1e9), "depth_multiple"),
        (model(width_multiple="x"), "width_multiple"),
        (model(scale=["n"]), "scale"),
        (model(text_model="clip:/tmp/evil.pt"), "text_model"),
        (model(scales={"n": [1, 1e9, 1024]}), "scales[n]"),
        (model(scales={"n": [1, 1, "1024"]}), "scales[n]"),
        (model(scales={"n": [float("nan"), 1, 1024]}), "scales[n]"),
        (model(scales=[1, 2]), "scales"),
        (model(backbone=[]), "backbone"),
        (model(backbone="Conv"), "backbone"),
        (model(head=[[-1, 1, "Detect"]]), "head[0]"),
        (model(head=[[-1, 1, ["Detect"], []]]), "head[0]"),
        (model(backbone=[[-1, 1, "Conv", [16]]] * 2000), "backbone"),
    ],
)
def test_what_is_no_plain_number_or_is_absurd_is_refused_at_its_place(
    given: Any, path: str
) -> None:
    assert places(given) == [path]


@pytest.mark.parametrize(
    "rows",
    [
        [[[-1] * 90, 1, "Concat", [1]]] * 4,  # channels
        [[-1, 1, "nn.Upsample", [None, 2]]] * 8,  # size of the image
        [[-1, 1, "Conv", [8192, 3]]] * 20,  # parameters
        [[-1, 99, "nn.ConvTranspose2d", [16, 2, 2]]],
    ],
)
def test_what_adds_up_to_too_much_is_refused_once(rows: list[Any]) -> None:
    given = model(backbone=[[-1, 1, "Conv", [16]], *copy.deepcopy(rows)])
    (problem,) = check_model_data(given)
    assert problem.code == "model-size" and problem.path.startswith("backbone[")


def test_lists_that_hold_themselves_are_refused_at_once() -> None:
    endless: list[Any] = [1]
    endless.append(endless)
    assert places(with_layer(arguments=endless)) == ["backbone[1][3]"]
    bomb: Any = [1]
    for _ in range(40):
        bomb = [bomb] * 40
    assert places(with_layer(arguments=[bomb])) == ["backbone[1][3]"]
    assert places(model(activation=bomb, kpt_shape=bomb)) == ["activation", "kpt_shape"]
    assert len(places(with_layer(inputs=endless))) == 1


def test_all_mistakes_are_said_at_once_and_with_their_lines() -> None:
    text = (
        f'nc: 3\nactivation: "{EVIL}"\nbackbone:\n  - [-1, 1, Conv, [16]]\n'
        "  - [-1, 1, check_file, ['https://x']]\nhead:\n  - [-1, 1, Detect, [nc, layers]]\n"
    )
    found = check_model_yaml(parse_yaml(text, name="m.yaml"))
    assert [(finding.code, finding.where) for finding in found] == [
        ("model-activation", "m.yaml:2"),
        ("model-module", "m.yaml:5"),
        ("model-argument", "m.yaml:7"),
    ]
    assert all(finding.severity == "error" and finding.next for finding in found)


_text = st.one_of(
    st.text(max_size=30),
    st.sampled_from(sorted(MODULES | WORDS | {f"nn.{name}()" for name in ACTIVATIONS})),
    st.from_regex(r"\A(torch\.)?nn\.[A-Za-z0-9_]{1,9}\([\w.,=' +*-]{0,12}\)\Z"),
    st.from_regex(r"\A[+-]?\d{0,3}\.?\d{0,3}(e-?\d{1,2})?\Z"),
)


@settings(max_examples=300, deadline=None)
@given(text=_text)
def test_of_any_text_only_a_listed_name_is_a_module(text: str) -> None:
    problems = check_model_data(with_layer(text, []))
    assert (text in MODULES) != any(problem.code == "model-module" for problem in problems)


@settings(max_examples=300, deadline=None)
@given(text=_text)
def test_of_any_text_only_a_word_or_a_number_is_an_argument(text: str) -> None:
    if check_model_data(with_layer("C2f", [16, text])):
        return
    if text not in {*WORDS, *ARGUMENT_KEYS, "None", "True", "False"}:
        assert abs(float(text)) <= 256


@settings(max_examples=300, deadline=None)
@given(text=_text)
def test_of_any_text_only_a_listed_activation_passes(text: str) -> None:
    if text and not check_model_data(model(activation=text)):
        assert text.strip().removeprefix("torch.").removeprefix("nn.").split("(")[0] in ACTIVATIONS
        namespace = {"nn": _Names(), "torch": _Names(nn=_Names())}
        eval(text, {"__builtins__": {}, **namespace})  # nothing but the call is in it


class _Names:
    """Stands in for torch.nn: has the activations and nothing else."""

    def __init__(self, **names: Any) -> None:
        vars(self).update(names or dict.fromkeys(ACTIVATIONS, lambda *_, **__: None))


_any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _text),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
_keys = st.sampled_from(sorted({*model(), "activation", "scales", "scale", "reg_max", "end2end"}))


@settings(max_examples=200, deadline=None)
@given(changes=st.dictionaries(_keys, _any, max_size=3), row=st.lists(_any, max_size=5))
def test_no_content_of_a_model_yaml_raises(changes: dict[str, Any], row: list[Any]) -> None:
    for given_model in (model(**changes), model(backbone=[row])):
        for problem in check_model_data(given_model):
            assert problem.message and problem.next and problem.path
    check_model_yaml(parse_yaml(yaml.safe_dump(model(**changes)), name="m.yaml"))
