"""Which names a pickle of weights may use, and what for.

Two lists, since they differ in what they let a file do: an object of a model's class may be *made*
(its ``__new__`` without arguments, no ``__init__``) and given attributes; only what
`pipeline.core.weights.calls` knows may be *called*. To call a model's class is to run a constructor
with arguments of the file's author: Ultralytics evaluates a part of those as Python.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

# Packages and modules of which every plain name may be made; tests/core/weights/test_names.py looks
# at each class in them. Behind the dash: the names that Ultralytics maps to those of today, and
# YOLOv5's, for which it says what to do.
_MODEL_CLASSES = re.compile(
    r"(?:torch\.nn\.modules|ultralytics\.nn\.modules)(?:\.[a-z]\w*)*"
    r"|ultralytics\.nn\.(?:tasks|distill_model)|ultralytics\.utils\.(?:loss|tal)"
    r"|ultralytics\.yolo\.utils\.(?:loss|tal)|models\.(?:yolo|common|experimental)"
)
_CLASS_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
MADE = {
    "ultralytics.utils.IterableSimpleNamespace",
    "ultralytics.yolo.utils.IterableSimpleNamespace",
    *(
        f"torchvision.transforms.transforms.{name}"
        for name in ("Compose", "Normalize", "Resize", "CenterCrop", "ToTensor")
    ),
}
# Bytes of one element. torch takes these by the class's name, whatever the module.
STORAGES = {
    **{f"torch.{name}Storage": 1 for name in ("Byte", "Char", "Bool")},
    **{f"torch.{name}Storage": 2 for name in ("Half", "BFloat16", "Short")},
    **{f"torch.{name}Storage": 4 for name in ("Float", "Int")},
    **{f"torch.{name}Storage": 8 for name in ("Double", "Long", "ComplexFloat")},
    "torch.ComplexDoubleStorage": 16,
    "torch.storage.UntypedStorage": 1,
    "torch.UntypedStorage": 1,
}
# Classes and constants that do nothing where they are kept as a value.
VALUES = {
    *(f"torch.float{bits}" for bits in (16, 32, 64)),
    *(f"torch.int{bits}" for bits in (8, 16, 32, 64)),
    *("torch.bfloat16", "torch.uint8", "torch.bool", "torch.complex64", "torch.complex128"),
    *(f"builtins.{name}" for name in ("bool", "float", "int", "str")),
}
# Only ever the argument of a call that looks at it.
ARGUMENTS = {"builtins.object", "numpy.ndarray"}


@dataclass(frozen=True, slots=True, eq=False)
class Name:
    """A name that a pickle asks for; nothing is imported.

    `is_class` says that an object of this class may be made without calling it.
    """

    module: str
    name: str
    is_class: bool

    @property
    def full(self) -> str:
        """Module and name, as ``SLIPWAY_WEIGHTS_ALLOW`` has them."""
        return f"{self.module}.{self.name}"


def named(module: str, name: str, allow: Collection[str]) -> Name:
    """Look a name up among those whose objects may be made; `allow` has further ones."""
    full = f"{module}.{name}"
    is_model = bool(_CLASS_NAME.fullmatch(name) and _MODEL_CLASSES.fullmatch(module))
    return Name(module, name, is_model or full in MADE or full in allow)
