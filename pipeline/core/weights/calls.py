"""What a pickle of weights may call, with which arguments, and what stands for the result.

Nothing here calls what it is named after. Each function takes the arguments and gives an inert
stand-in, or `UNUSUAL` for arguments that no writer of weights gives: ``codecs.encode`` with another
encoding than Latin-1 imports a module of that name, NumPy's dtypes take flags that make addresses
out of bytes, and tensors take whatever has the right methods.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pipeline.core.weights.names import Name

Args = tuple[Any, ...]
ATOMS = (type(None), bool, int, float, str, bytes)
UNUSUAL = object()
_NUMBER_DTYPE = re.compile(r"[<>|=]?[biufc](?:1|2|4|8|16)|\?|bool")
METHODS = ("forward", "forward_fuse")
_ANY_NUMBER = 1 << 20


@dataclass(eq=False, slots=True)
class Made:
    """Stands for an object; `kind` is storage, tensor, instance, method, array, dtype, value
    or any.

    ``any`` is what an administrator allows, or what is refused: either way its use says no more.
    """

    kind: str
    args: Args = ()
    states: list[Any] = field(default_factory=list)
    made_of: str = ""


@dataclass(eq=False, slots=True)
class Pairs:
    """Stands for a dict: keys and values in turn, since nothing of a file is ever hashed."""

    items: list[Any] = field(default_factory=list)
    is_ordered: bool = False
    states: list[Any] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Give each key with its value, those that were overwritten, too."""
        return zip(self.items[::2], self.items[1::2], strict=True)

    def keys(self) -> set[str]:
        """Give the keys that are text."""
        return {key for key in self.items[::2] if isinstance(key, str)}

    def get(self, wanted: str) -> list[Any]:
        """Give every value that this key was given."""
        return [value for key, value in self.pairs() if isinstance(key, str) and key == wanted]


def is_kind(value: Any, *kinds: str) -> bool:
    """Say whether a value stands for an object of one of these kinds."""
    return isinstance(value, Made) and value.kind in kinds


def fits_state(target: Any, state: Any) -> bool:
    """Say whether an object takes this state as attributes of its own, or as the data it holds."""
    if is_kind(target, "any"):
        return True
    if is_kind(target, "instance") or (isinstance(target, Pairs) and target.is_ordered):
        return isinstance(state, Pairs) and all(isinstance(key, str) for key in state.items[::2])
    if is_kind(target, "dtype"):  # (version, byte order, no fields, no size, no flags)
        expected = (None, None, None, -1, -1, 0)
        return isinstance(state, tuple) and len(state) == 8 and state[2:] == expected
    if is_kind(target, "array"):
        return (
            isinstance(state, tuple)
            and len(state) == 5
            and _are_numbers(state[1])
            and is_kind(state[2], "dtype")
            and isinstance(state[4], bytes)
        )
    return False


def _are_numbers(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(entry, int) for entry in value)


def _tensor(args: Args) -> Any:
    """``(storage, offset, size, stride, requires_grad, backward_hooks[, metadata])``."""
    numbers = len(args) >= 4 and isinstance(args[1], int) and all(map(_are_numbers, args[2:4]))
    if not numbers or len(args) > 7 or not is_kind(args[0], "storage"):
        return UNUSUAL
    hooks = args[5:]
    return Made("tensor") if not any(_is_filled(entry) for entry in hooks) else UNUSUAL


def _parameter(args: Args) -> Any:
    """``(tensor, requires_grad, backward_hooks)``."""
    is_usual = len(args) == 3 and is_kind(args[0], "tensor") and not _is_filled(args[2])
    return Made("tensor") if is_usual else UNUSUAL


def _is_filled(hooks: Any) -> bool:
    return not (hooks is None or (isinstance(hooks, Pairs) and not hooks.items + hooks.states))


def _ordered(args: Args) -> Any:
    """No arguments, or a list of pairs."""
    if not args:
        return Pairs(is_ordered=True)
    pairs = args[0] if len(args) == 1 and isinstance(args[0], list) else None
    if pairs is None or not all(isinstance(pair, (list, tuple)) for pair in pairs):
        return UNUSUAL
    if not all(len(pair) == 2 for pair in pairs):
        return UNUSUAL
    return Pairs([entry for pair in pairs for entry in pair], is_ordered=True)


def _collection(args: Args) -> Any:
    is_usual = len(args) <= 1 and all(isinstance(arg, (list, tuple)) for arg in args)
    return Made("value", args) if is_usual else UNUSUAL


def _of_atoms(args: Args, *, most: int = _ANY_NUMBER) -> Any:
    is_usual = len(args) <= most and all(isinstance(arg, ATOMS) for arg in args)
    return Made("value", args) if is_usual else UNUSUAL


def _size(args: Args) -> Any:
    return Made("value") if len(args) == 1 and _are_numbers(args[0]) else UNUSUAL


def _encoded(args: Args) -> Any:
    is_usual = len(args) == 2 and isinstance(args[0], str) and args[1] in ("latin1", "latin-1")
    try:
        return args[0].encode("latin-1") if is_usual else UNUSUAL
    except UnicodeEncodeError:
        return UNUSUAL


def _dtype(args: Args) -> Any:
    named = args[0] if args and isinstance(args[0], str) else ""
    is_usual = len(args) <= 3 and _NUMBER_DTYPE.fullmatch(named)
    return Made("dtype") if is_usual else UNUSUAL


def _scalar(args: Args) -> Any:
    is_usual = len(args) == 2 and is_kind(args[0], "dtype") and isinstance(args[1], bytes)
    return Made("value") if is_usual else UNUSUAL


def _array(args: Args) -> Any:
    is_usual = len(args) == 3 and isinstance(args[0], Name) and args[0].full == "numpy.ndarray"
    return Made("array") if is_usual and args[1] == (0,) else UNUSUAL


def _of_buffer(args: Args) -> Any:
    """``(bytes, dtype, shape, order)``, of protocol 5."""
    is_usual = len(args) == 4 and isinstance(args[0], bytes) and is_kind(args[1], "dtype")
    return (
        Made("array") if is_usual and _are_numbers(args[2]) and args[3] in ("C", "F") else UNUSUAL
    )


def _reconstructed(args: Args) -> Any:
    """``(class, object, None)``: what pickles of protocol 0 and 1 make objects with."""
    if len(args) != 3 or not all(isinstance(arg, Name) for arg in args[:2]) or args[2] is not None:
        return UNUSUAL
    is_usual = args[1].full == "builtins.object" and args[0].is_class
    return Made("instance", made_of=args[0].full) if is_usual else UNUSUAL


def _newobj(args: Args) -> Any:
    is_usual = len(args) == 1 and isinstance(args[0], Name) and args[0].is_class
    return Made("instance", made_of=args[0].full) if is_usual else UNUSUAL


def _namespace(args: Args) -> Any:
    return UNUSUAL if args else Made("instance")


def _method(args: Args) -> Any:
    """``getattr`` of a model's forward, which is how Python pickles a bound method.

    Ultralytics keeps one in segmentation models, and in those whose layers it has fused; where it
    may be kept `pipeline.core.weights.states` says.
    """
    if len(args) != 2 or args[1] not in METHODS:
        return UNUSUAL
    owner = args[0]
    of_model = owner.is_class if isinstance(owner, Name) else is_kind(owner, "instance")
    return Made("method", args) if of_model else UNUSUAL


CALLS: dict[str, Callable[[Args], Any]] = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": _size,
    "torch.device": partial(_of_atoms, most=2),
    "torch.serialization._get_layout": partial(_of_atoms, most=1),
    "collections.OrderedDict": _ordered,
    "builtins.set": _collection,
    "builtins.frozenset": _collection,
    "builtins.slice": partial(_of_atoms, most=3),
    "builtins.complex": partial(_of_atoms, most=2),
    "builtins.getattr": _method,
    "_codecs.encode": _encoded,
    "numpy.dtype": _dtype,
    **{f"numpy.{core}.multiarray.scalar": _scalar for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray._reconstruct": _array for core in ("core", "_core")},
    **{f"numpy.{core}.numeric._frombuffer": _of_buffer for core in ("core", "_core")},
    "copyreg._reconstructor": _reconstructed,
    "copyreg.__newobj__": _newobj,
    "ultralytics.utils.IterableSimpleNamespace": _namespace,
    "ultralytics.yolo.utils.IterableSimpleNamespace": _namespace,
    "torchvision.transforms.functional.InterpolationMode": partial(_of_atoms, most=1),
    **{f"datetime.{name}": _of_atoms for name in ("date", "datetime", "time", "timedelta")},
    **{
        f"{module}.{name}": _of_atoms
        for module in ("pathlib", "pathlib._local")
        for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
    },
}
