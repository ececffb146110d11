"""No file is fetched in a step, and what lies beside labels is not unpickled."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any, NoReturn

# All that a cache of labels is made of, besides plain values.
_ARRAYS = {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")} | {
    (f"numpy.{core}.{module}", name)
    for core in ("core", "_core")
    for module, name in (
        ("multiarray", "_reconstruct"),
        ("multiarray", "scalar"),
        ("numeric", "_frombuffer"),
    )
}


def guard_fetching() -> None:
    """Replace both in every module of Ultralytics."""
    import torch.hub
    import ultralytics.data.dataset  # noqa: F401 - imports all that have them

    torch.hub.download_url_to_file = refuse_download  # torchvision's weights
    safe = {
        "safe_download": refuse_download,
        "get_github_assets": no_assets,
        "load_dataset_cache_file": load_cache,
    }
    for name, module in [*sys.modules.items()]:
        if name.startswith("ultralytics."):
            vars(module).update({key: safe[key] for key in safe if key in vars(module)})


def refuse_download(url: object, *_: Any, **__: Any) -> NoReturn:
    """Raise what Ultralytics does when it is offline; its check of AMP goes on without a file."""
    raise ConnectionError(f"a step fetches nothing, and {str(url)[:200]} would be downloaded")


def no_assets(*_: Any, **__: Any) -> tuple[str, list[str]]:
    """Say that GitHub has nothing, without asking: Ultralytics looks there for missing weights."""
    return "", []


def load_cache(path: Path) -> dict[str, Any]:
    """Read a ``*.cache`` that Ultralytics wrote beside labels, as arrays and plain values only.

    Whatever this raises, Ultralytics then reads the labels themselves.
    """
    from numpy.lib import format as layout

    with open(path, "rb") as file:
        major, _ = layout.read_magic(file)
        read = layout.read_array_header_1_0 if major == 1 else layout.read_array_header_2_0
        read(file)
        cache: dict[str, Any] = _PlainUnpickler(file).load().item()
    return cache


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ARRAYS:
            raise pickle.UnpicklingError(f"a cache of labels has no {module}.{name}")
        return super().find_class(module, name)
