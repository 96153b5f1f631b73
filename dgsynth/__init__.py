"""Synthetic time series with metadata: DoppelGANger as a scikit-learn estimator on PyTorch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dgsynth.face import *  # noqa: F403


def __getattr__(name: str) -> Any:
    """Return what `dgsynth.face` offers by the name, or a module that it loads: torch takes seconds, and help none."""
    if name.startswith("__") and name not in ("__all__", "__version__"):  # asked for by whoever inspects a module
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    face = import_module("dgsynth.face")
    globals().update({"__all__": face.__all__, **{offered: getattr(face, offered) for offered in face.__all__}})
    if name in globals():
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *import_module("dgsynth.face").__all__})
