"""Which names a pickle of weights may use, and what for.

Two lists, since they differ in what they let a file do: an object of a class in
`pipeline.core.weights.classes` may be *made* (its ``__new__`` without arguments, no ``__init__``)
and given attributes; only what `pipeline.core.weights.calls` knows may be *called*. To call a
model's class is to run a constructor with arguments of the file's author: Ultralytics evaluates a
part of those as Python.
"""

from __future__ import annotations

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Collection
from dataclasses import dataclass

from pipeline.core.weights.classes import CLASSES

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
    is_class = name in CLASSES.get(module, ()) or f"{module}.{name}" in allow
    return Name(module, name, is_class)


def modern(module: str, name: str) -> tuple[str, str]:
    """Give the name of today for one of Python 2, as ``Unpickler`` does below protocol 3."""
    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name
