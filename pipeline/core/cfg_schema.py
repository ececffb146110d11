"""Every setting that an Ultralytics training cfg may hold, as data.

One row a setting, in the order in which a form shows them. A test holds this table against the
installed Ultralytics: keys, defaults, types and limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

Kind = Literal["int", "float", "bool", "choice", "str", "list"]


@dataclass(frozen=True)
class Setting:
    """One setting of a training cfg.

    Parameters
    ----------
    key
        Name in the cfg.
    kind
        What a value usually is, and so which widget fits.
    default
        Ultralytics' default.
    help
        One line for people.
    low, high
        Limits, both included; None means no limit.
    choices
        Allowed values of kind ``choice``; text is compared without case.
    also
        Further kinds that are accepted, such as a list for ``imgsz``.
    nullable
        Whether ``null`` is accepted.
    group
        One of `GROUPS`.
    is_common
        Whether most people want to see it.
    owned
        Why Slipway sets this itself; empty when it is free.
    """

    key: str
    kind: Kind
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    also: tuple[Kind, ...] = ()
    nullable: bool = False
    group: str = ""
    is_common: bool = False
    owned: str = ""

    def accepts(self, kind: Kind) -> bool:
        """Say whether values of this kind are taken, as the usual or as a further one."""
        return kind in (self.kind, *self.also)


GROUPS = {
    "training": "Training",
    "optimiser": "Optimiser",
    "augmentation": "Augmentation",
    "loss": "Loss",
    "model": "Model",
    "data": "Data loading",
    "validation": "Validation",
    "output": "Output",
    "tasks": "Other tasks",
    "prediction": "Prediction (not used here)",
    "export": "Export (not used here)",
    "slipway": "Set by Slipway",
}
UNUSED_GROUPS = ("prediction", "export")
_COMMON = """
    epochs imgsz batch patience optimizer lr0 lrf momentum weight_decay warmup_epochs cos_lr
    close_mosaic mosaic mixup scale fliplr degrees hsv_h hsv_s hsv_v freeze seed workers cache
    box cls cls_pw dfl amp
"""
COMMON = frozenset(_COMMON.split())


def _number(
    key: str, default: float | None, help: str, low: float | None = 0.0, **more: Any
) -> Setting:
    return Setting(key, "float", default, help, low=low, nullable=default is None, **more)


def _fraction(key: str, default: float | None, help: str, **more: Any) -> Setting:
    return _number(key, default, help, 0.0, high=1.0, **more)


def _whole(key: str, default: int | None, help: str, low: float | None = 0, **more: Any) -> Setting:
    return Setting(key, "int", default, help, low=low, nullable=default is None, **more)


def _flag(key: str, default: bool | None, help: str) -> Setting:
    return Setting(key, "bool", default, help, nullable=default is None)


def _choice(key: str, default: Any, help: str, choices: Iterable[Any], **more: Any) -> Setting:
    return Setting(key, "choice", default, help, choices=tuple(choices), **more)


def _text(key: str, default: str | None, help: str, owned: str = "") -> Setting:
    return Setting(key, "str", default, help, nullable=True, owned=owned)


_FOLDER = "results go into the launch's own folder"
_TABLE: dict[str, tuple[Setting, ...]] = {
    "training": (
        _whole("epochs", 100, "Passes over the train split", 1),
        _number("time", None, "Train for this many hours instead of a number of epochs"),
        _whole("patience", 100, "Stop after this many epochs without improvement; 0 never stops"),
        Setting(
            "batch",
            "int",
            16,
            "Images a step; -1 fits the GPU's memory, 0.1 to 0.9 that share of it",
            low=-1,
            also=("float",),
        ),
        Setting("imgsz", "int", 640, "Image size in pixels", low=1, also=("list",)),
        _whole("seed", 0, "Random seed"),
        _flag("deterministic", True, "Prefer reproducible operations to faster ones"),
        _flag("single_cls", False, "Treat all classes as one"),
        _choice("amp", True, "Mixed precision", (True, False, "fp16", "bf16", "fp32")),
        _choice(
            "compile",
            False,
            "Compile the model with torch.compile",
            (
                True,
                False,
                "default",
                "reduce-overhead",
                "max-autotune",
                "max-autotune-no-cudagraphs",
            ),
        ),
        _flag("channels_last", None, "Memory layout with channels last; empty decides by device"),
    ),
    "optimiser": (
        _choice(
            "optimizer",
            "auto",
            "Optimiser; auto also chooses lr0 and momentum",
            ("auto", "SGD", "MuSGD", "Adam", "Adamax", "AdamW", "NAdam", "RAdam", "RMSProp"),
        ),
        _fraction("lr0", 0.01, "Learning rate at the start: about 0.01 for SGD, 0.001 for AdamW"),
        _fraction("lrf", 0.01, "Learning rate at the end, as a share of lr0"),
        _flag("cos_lr", False, "Lower the learning rate along a cosine instead of a line"),
        _fraction("momentum", 0.937, "Momentum of SGD, beta1 of the Adam family"),
        _fraction("weight_decay", 0.0005, "L2 penalty on weights"),
        _number(
            "warmup_epochs", 3.0, "Epochs over which the learning rate rises; may be fractional"
        ),
        _fraction("warmup_momentum", 0.8, "Momentum at the start of the warm-up"),
        _fraction("warmup_bias_lr", 0.1, "Learning rate of biases at the start of the warm-up"),
        _whole("nbs", 64, "Nominal batch: gradients of smaller batches add up to about this", 1),
    ),
    "augmentation": (
        _fraction("hsv_h", 0.015, "Hue shift, as a share of the colour circle"),
        _fraction("hsv_s", 0.7, "Change of saturation"),
        _fraction("hsv_v", 0.4, "Change of brightness"),
        _number("degrees", 0.0, "Rotation up to this many degrees either way", high=360.0),
        _fraction("translate", 0.1, "Shift, as a share of the image"),
        _fraction(
            "scale",
            0.5,
            "Zoom in and out by up to this share, or [smallest, largest]",
            also=("list",),
        ),
        _number("shear", 0.0, "Shear up to this many degrees either way", high=180.0),
        _fraction("perspective", 0.0, "Perspective; useful values are up to 0.001"),
        _fraction("flipud", 0.0, "Chance to flip upside down"),
        _fraction("fliplr", 0.5, "Chance to mirror left and right"),
        _fraction("bgr", 0.0, "Chance to swap red and blue"),
        _fraction("mosaic", 1.0, "Chance to join four images into one"),
        _whole("close_mosaic", 10, "No mosaic in this many last epochs"),
        _fraction("mixup", 0.0, "Chance to blend two images"),
        _fraction("cutmix", 0.0, "Chance to paste a region of another image"),
        _number("multi_scale", 0.0, "Vary the image size by up to this share", high=1.0),
    ),
    "loss": (
        _number("box", 7.5, "Weight of the box loss"),
        _number("cls", 0.5, "Weight of the classification loss"),
        _fraction("cls_pw", 0.0, "Weigh rare classes more: 0 not at all, 1 by inverse frequency"),
        _number("dfl", 1.5, "Weight of the box edges' distribution loss"),
        _number("dis", 6.0, "Weight of the distillation loss"),
    ),
    "model": (
        Setting(
            "pretrained",
            "choice",
            True,
            "Start from pretrained weights",
            choices=(True, False),
            also=("str",),
        ),
        _flag("cls_remap", True, "Keep class weights by class name when the classes differ"),
        Setting(
            "freeze",
            "int",
            None,
            "Freeze the first layers, or a list of layers",
            low=0,
            also=("list",),
            nullable=True,
        ),
        _fraction("dropout", 0.0, "Dropout of the classification head"),
        _text("distill_model", None, "Weights of a teacher model to learn from"),
    ),
    "data": (
        _whole("workers", 8, "Processes that load images"),
        _choice(
            "cache", False, "Keep decoded images in memory or on disk", (False, True, "ram", "disk")
        ),
        _flag("rect", False, "Batches of images of like shape, with less padding"),
        Setting(
            "fraction",
            "float",
            1.0,
            "Share (up to 1) or number of train images to use",
            low=0.0,
            also=("list",),
        ),
        Setting(
            "classes", "int", None, "Use only these class ids", low=0, also=("list",), nullable=True
        ),
    ),
    "validation": (
        _flag("val", True, "Validate after each epoch"),
        _choice(
            "split", "val", "Split that validation uses while training", ("val", "test", "train")
        ),
        _fraction("conf", None, "Least confidence of a detection; empty means 0.001"),
        _fraction("iou", 0.7, "Overlap above which NMS merges boxes"),
        _whole("max_det", 300, "Most detections in an image", 1),
        _flag("agnostic_nms", False, "Merge boxes across classes"),
        _flag("augment", False, "Test-time augmentation"),
        _flag("save_json", False, "Write detections as COCO JSON"),
        _flag("dnn", False, "Run ONNX models with OpenCV"),
        _flag("nms", None, "Where non-maximum suppression happens; empty means outside the model"),
        _choice(
            "quantize",
            None,
            "Precision of validation; 8 trains with quantisation in mind",
            (8, 16, 32, "int8", "fp16", "fp32", "w8a8", "w16a16", "w32a32", "w8a16", "w8a32"),
            nullable=True,
        ),
    ),
    "output": (
        _flag("save", True, "Keep checkpoints"),
        _whole("save_period", -1, "Also keep a checkpoint every so many epochs; -1 does not", -1),
        _flag("plots", True, "Draw plots"),
        _flag("verbose", True, "Log more"),
        _flag("profile", False, "Measure the speed of exported models while training"),
        _flag("visualize", False, "Draw true and false detections of validation"),
    ),
    "tasks": (
        _flag("overlap_mask", True, "Segmentation: masks of one image share one layer"),
        _whole("mask_ratio", 4, "Segmentation: masks are smaller by this factor", 1),
        _fraction("copy_paste", 0.0, "Segmentation: share of objects that are copied"),
        _choice(
            "copy_paste_mode", "flip", "Segmentation: where copies come from", ("flip", "mixup")
        ),
        _choice(
            "auto_augment",
            "randaugment",
            "Classification: augmentation policy",
            ("randaugment", "autoaugment", "augmix"),
            nullable=True,
        ),
        _fraction("erasing", 0.4, "Classification: chance to erase a region"),
        _number("pose", 12.0, "Pose: weight of the keypoint loss"),
        _number("kobj", 1.0, "Pose: weight of the keypoint objectness loss"),
        _number("rle", 1.0, "Pose: weight of the residual log-likelihood loss"),
        _number("angle", 1.0, "Oriented boxes: weight of the angle loss"),
        _number("dlog", 1.0, "Depth: weight of the log loss"),
        _number("dgrad", 0.5, "Depth: weight of the gradient loss"),
        _fraction("dlam", 1.0, "Depth: 1 ignores the overall scale, 0 does not"),
    ),
    "prediction": (
        _text("source", None, "What to predict on"),
        _whole("vid_stride", 1, "Every so many frames of a video", 1),
        _flag("stream_buffer", False, "Keep all frames of a stream"),
        _flag("retina_masks", False, "Masks in full resolution"),
        Setting("embed", "list", None, "Layers whose features are returned", nullable=True),
        _flag("show", False, "Show results in a window"),
        _flag("save_frames", False, "Keep the frames of videos"),
        _flag("save_txt", False, "Write results as text"),
        _flag("save_conf", False, "Write confidences into the text"),
        _flag("save_crop", False, "Keep the found regions"),
        _flag("show_labels", True, "Draw class names"),
        _flag("show_conf", True, "Draw confidences"),
        _flag("show_boxes", True, "Draw boxes"),
        _whole("line_width", None, "Width of drawn lines"),
        _text("tracker", "tracktrack.yaml", "Settings of the object tracker"),
    ),
    "export": (
        _text("format", "torchscript", "Format to export to"),
        _flag("optimize", False, "Optimise the exported model more"),
        _flag("dynamic", False, "Export with dynamic shapes"),
        _flag("simplify", True, "Simplify the ONNX graph"),
        _whole("opset", None, "ONNX opset"),
        _number("workspace", None, "TensorRT workspace in GiB"),
    ),
    "slipway": (
        _text("model", None, "Model file", "the model is chosen for the launch (--model)"),
        _text("data", None, "Data yaml", "the data is chosen for the launch (--data)"),
        _text("cfg", None, "Cfg file", "the cfg is chosen for the launch (--cfg)"),
        _text("task", "detect", "Task of the model", "the model decides the task"),
        _text("mode", "train", "What the step does", "each step has its own mode"),
        Setting(
            "device",
            "int",
            None,
            "Device",
            also=("str", "list"),
            nullable=True,
            owned="the engine decides which devices a run gets (--gpus)",
        ),
        _text("project", None, "Folder of results", _FOLDER),
        _text("name", None, "Name of results", _FOLDER),
        _text("save_dir", None, "Folder of results", _FOLDER),
        replace(_flag("exist_ok", False, "Overwrite results"), owned=_FOLDER),
        Setting(
            "resume",
            "bool",
            False,
            "Resume",
            also=("str",),
            owned="a retry of the run resumes by itself",
        ),
    ),
}

SCHEMA: dict[str, Setting] = {
    row.key: replace(row, group=group, is_common=row.key in COMMON)
    for group, rows in _TABLE.items()
    for row in rows
}
NOT_IN_DEFAULTS = frozenset({"save_dir"})  # accepted by Ultralytics, but not in its default.yaml

RENAMED = {
    "boxes": "Use show_boxes.",
    "hide_labels": "Use show_labels with the opposite value.",
    "hide_conf": "Use show_conf with the opposite value.",
    "line_thickness": "Use line_width.",
    "end2end": "Use nms with the opposite value.",
    "int8": "Use quantize: 8.",
    "half": "Use quantize: 16.",
    "label_smoothing": "Remove it.",
    "save_hybrid": "Remove it.",
    "crop_fraction": "Remove it.",
    "keras": "Remove it.",
}
