"""The detectors that Ultralytics publishes: names, and where a file of each is.

The names and the release are those that ultralytics 8.4.190 downloads from
(`ultralytics/utils/downloads.py`: ``GITHUB_ASSETS_NAMES`` and ``attempt_download_asset``); a test
compares them, as nothing here may import it. Weights of other tasks, and those that are read by a
class of their own (RT-DETR, YOLO-World, YOLOE), are left out.
"""

from __future__ import annotations

from pathlib import PurePosixPath

WEIGHTS_URL = "https://github.com/ultralytics/assets/releases/download/v8.4.0"

# Name before and after the scale; the scales, small to large.
_FAMILIES: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "YOLO26": (("yolo26", "", tuple("nsmlx")),),
    "YOLO12": (("yolo12", "", tuple("nsmlx")),),
    "YOLO11": (("yolo11", "", tuple("nsmlx")),),
    "YOLOv10": (("yolov10", "", tuple("nsmblx")),),
    "YOLOv9": (("yolov9", "", tuple("tsmce")),),
    "YOLOv8": (("yolov8", "", tuple("nsmlx")), ("yolov8", "-oiv7", tuple("nsmlx"))),
    "YOLOv5": (("yolov5", "u", tuple("nsmlx")), ("yolov5", "6u", tuple("nsmlx"))),
    "YOLOv3": (("yolov3", "u", ("-tiny", "", "-spp")),),
}

OFFICIAL: dict[str, tuple[str, ...]] = {
    family: tuple(f"{before}{scale}{after}.pt" for before, after, all in parts for scale in all)
    for family, parts in _FAMILIES.items()
}
NAMES = frozenset(name for names in OFFICIAL.values() for name in names)


def official_name(name: str) -> str:
    """Give the file that a model's name means, such as ``yolov8n.pt`` for ``yolov8n``; else empty.

    Only what would be looked for in the volume's root or its ``weights/`` counts.
    """
    path = PurePosixPath(name)
    if str(path.parent) not in (".", "weights"):
        return ""
    return next((file for file in (path.name, f"{path.name}.pt") if file in NAMES), "")
