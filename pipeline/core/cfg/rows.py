"""Every setting that an Ultralytics training cfg may hold, by group, in the order of the form."""

from __future__ import annotations

from dataclasses import replace

from pipeline.core.cfg.setting import Setting, choice, flag, fraction, number, text, whole
from pipeline.core.said import said


def _chosen(kind: str) -> str:
    return said("the {kind} is chosen for the launch (--{kind})", kind=kind)


_FOLDER = said("results go into the launch's own folder")
ROWS: dict[str, tuple[Setting, ...]] = {
    "training": (
        whole("epochs", 100, "Passes over the train split", 1),
        number("time", None, "Train for this many hours instead of a number of epochs"),
        whole("patience", 100, "Stop after this many epochs without improvement; 0 never stops"),
        Setting(
            "batch",
            "int",
            16,
            "Images a step; -1 fits the GPU's memory, 0.1 to 0.9 that share of it",
            low=-1,
            also=("float",),
        ),
        Setting("imgsz", "int", 640, "Image size in pixels", low=1, also=("list",)),
        whole("seed", 0, "Random seed"),
        flag("deterministic", True, "Prefer reproducible operations to faster ones"),
        flag("single_cls", False, "Treat all classes as one"),
        choice("amp", True, "Mixed precision", (True, False, "fp16", "bf16", "fp32")),
        choice(
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
        flag("channels_last", None, "Memory layout with channels last; empty decides by device"),
    ),
    "optimiser": (
        choice(
            "optimizer",
            "auto",
            "Optimiser; auto also chooses lr0 and momentum",
            ("auto", "SGD", "MuSGD", "Adam", "Adamax", "AdamW", "NAdam", "RAdam", "RMSProp"),
        ),
        fraction("lr0", 0.01, "Learning rate at the start: about 0.01 for SGD, 0.001 for AdamW"),
        fraction("lrf", 0.01, "Learning rate at the end, as a share of lr0"),
        flag("cos_lr", False, "Lower the learning rate along a cosine instead of a line"),
        fraction("momentum", 0.937, "Momentum of SGD, beta1 of the Adam family"),
        fraction("weight_decay", 0.0005, "L2 penalty on weights"),
        number(
            "warmup_epochs",
            3.0,
            "Epochs over which the learning rate rises; may be fractional",
            None,
        ),
        fraction("warmup_momentum", 0.8, "Momentum at the start of the warm-up"),
        fraction("warmup_bias_lr", 0.1, "Learning rate of biases at the start of the warm-up"),
        whole("nbs", 64, "Nominal batch: gradients of smaller batches add up to about this", 1),
    ),
    "augmentation": (
        fraction("hsv_h", 0.015, "Hue shift, as a share of the colour circle"),
        fraction("hsv_s", 0.7, "Change of saturation"),
        fraction("hsv_v", 0.4, "Change of brightness"),
        number("degrees", 0.0, "Rotation up to this many degrees either way", -360.0, high=360.0),
        fraction("translate", 0.1, "Shift, as a share of the image"),
        fraction(
            "scale",
            0.5,
            "Zoom in and out by up to this share, or [smallest, largest]",
            also=("list",),
        ),
        number("shear", 0.0, "Shear up to this many degrees either way", -180.0, high=180.0),
        fraction("perspective", 0.0, "Perspective; useful values are up to 0.001"),
        fraction("flipud", 0.0, "Chance to flip upside down"),
        fraction("fliplr", 0.5, "Chance to mirror left and right"),
        fraction("bgr", 0.0, "Chance to swap red and blue"),
        fraction("mosaic", 1.0, "Chance to join four images into one"),
        whole("close_mosaic", 10, "No mosaic in this many last epochs", None),
        fraction("mixup", 0.0, "Chance to blend two images"),
        fraction("cutmix", 0.0, "Chance to paste a region of another image"),
        number("multi_scale", 0.0, "Vary the image size by up to this share", high=1.0),
    ),
    "loss": (
        number("box", 7.5, "Weight of the box loss"),
        number("cls", 0.5, "Weight of the classification loss"),
        fraction("cls_pw", 0.0, "Weigh rare classes more: 0 not at all, 1 by inverse frequency"),
        number("dfl", 1.5, "Weight of the box edges' distribution loss"),
        number("dis", 6.0, "Weight of the distillation loss"),
    ),
    "model": (
        Setting(
            "pretrained",
            "choice",
            True,
            "Start from pretrained weights, or from those of a file on the volume",
            choices=(True, False),
            also=("str",),
            names="weights",
        ),
        flag("cls_remap", True, "Keep class weights by class name when the classes differ"),
        Setting(
            "freeze",
            "int",
            None,
            "Freeze the first layers, or a list of layers",
            also=("list",),
            nullable=True,
        ),
        fraction("dropout", 0.0, "Dropout of the classification head"),
        text("distill_model", None, "Weights of a teacher model to learn from", names="weights"),
    ),
    "data": (
        whole("workers", 8, "Processes that load images"),
        choice(
            "cache", False, "Keep decoded images in memory or on disk", (False, True, "ram", "disk")
        ),
        flag("rect", False, "Batches of images of like shape, with less padding"),
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
        flag("val", True, "Validate after each epoch"),
        choice(
            "split", "val", "Split that validation uses while training", ("val", "test", "train")
        ),
        fraction("conf", None, "Least confidence of a detection; empty means 0.001"),
        fraction("iou", 0.7, "Overlap above which NMS merges boxes"),
        whole("max_det", 300, "Most detections in an image", 1),
        flag("agnostic_nms", False, "Merge boxes across classes"),
        flag("augment", False, "Test-time augmentation"),
        flag("save_json", False, "Write detections as COCO JSON"),
        flag("dnn", False, "Run ONNX models with OpenCV"),
        flag("nms", None, "Where non-maximum suppression happens; empty means outside the model"),
        choice(
            "quantize",
            None,
            "Precision of validation; 8 trains with quantisation in mind",
            (8, 16, 32, "int8", "fp16", "fp32", "w8a8", "w16a16", "w32a32", "w8a16", "w8a32"),
            nullable=True,
        ),
    ),
    "output": (
        flag("save", True, "Keep checkpoints"),
        whole("save_period", -1, "Also keep a checkpoint every so many epochs; -1 does not", None),
        flag("plots", True, "Draw plots"),
        flag("verbose", True, "Log more"),
        flag("profile", False, "Measure the speed of exported models while training"),
        flag("visualize", False, "Draw true and false detections of validation"),
    ),
    "tasks": (
        flag("overlap_mask", True, "Segmentation: masks of one image share one layer"),
        whole("mask_ratio", 4, "Segmentation: masks are smaller by this factor", 1),
        fraction("copy_paste", 0.0, "Segmentation: share of objects that are copied"),
        choice(
            "copy_paste_mode", "flip", "Segmentation: where copies come from", ("flip", "mixup")
        ),
        choice(
            "auto_augment",
            "randaugment",
            "Classification: augmentation policy",
            ("randaugment", "autoaugment", "augmix"),
            nullable=True,
        ),
        fraction("erasing", 0.4, "Classification: chance to erase a region"),
        number("pose", 12.0, "Pose: weight of the keypoint loss"),
        number("kobj", 1.0, "Pose: weight of the keypoint objectness loss"),
        number("rle", 1.0, "Pose: weight of the residual log-likelihood loss"),
        number("angle", 1.0, "Oriented boxes: weight of the angle loss"),
        number("dlog", 1.0, "Depth: weight of the log loss"),
        number("dgrad", 0.5, "Depth: weight of the gradient loss"),
        fraction("dlam", 1.0, "Depth: 1 ignores the overall scale, 0 does not"),
    ),
    "prediction": (
        text("source", None, "What to predict on", names="other"),
        whole("vid_stride", 1, "Every so many frames of a video", 1),
        flag("stream_buffer", False, "Keep all frames of a stream"),
        flag("retina_masks", False, "Masks in full resolution"),
        Setting("embed", "list", None, "Layers whose features are returned", nullable=True),
        flag("show", False, "Show results in a window"),
        flag("save_frames", False, "Keep the frames of videos"),
        flag("save_txt", False, "Write results as text"),
        flag("save_conf", False, "Write confidences into the text"),
        flag("save_crop", False, "Keep the found regions"),
        flag("show_labels", True, "Draw class names"),
        flag("show_conf", True, "Draw confidences"),
        flag("show_boxes", True, "Draw boxes"),
        whole("line_width", None, "Width of drawn lines"),
        text("tracker", "tracktrack.yaml", "Settings of the object tracker", names="other"),
    ),
    "export": (
        text("format", "torchscript", "Format to export to"),
        flag("optimize", False, "Optimise the exported model more"),
        flag("dynamic", False, "Export with dynamic shapes"),
        flag("simplify", True, "Simplify the ONNX graph"),
        whole("opset", None, "ONNX opset"),
        number("workspace", None, "TensorRT workspace in GiB"),
    ),
    "slipway": (
        text("model", None, "Model file", _chosen("model"), names="other"),
        text("data", None, "Data yaml", _chosen("data"), names="other"),
        text("cfg", None, "Cfg file", _chosen("cfg"), names="other"),
        text("task", "detect", "Task of the model", said("the model decides the task")),
        text("mode", "train", "What the step does", said("each step has its own mode")),
        Setting(
            "device",
            "int",
            None,
            "Device",
            also=("str", "list"),
            nullable=True,
            owned=said("the engine decides which devices a run gets (--gpus)"),
        ),
        text("project", None, "Folder of results", _FOLDER, names="other"),
        text("name", None, "Name of results", _FOLDER, names="other"),
        text("save_dir", None, "Folder of results", _FOLDER, names="other"),
        replace(flag("exist_ok", False, "Overwrite results"), owned=_FOLDER),
        Setting(
            "resume",
            "bool",
            False,
            "Resume",
            also=("str",),
            owned=said("a retry of the run resumes by itself"),
            names="other",
        ),
    ),
}
