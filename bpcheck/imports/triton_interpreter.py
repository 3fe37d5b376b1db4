"""What Triton's interpreter leaves out of what its compiler gives to every kernel.

Under ``TRITON_INTERPRET=1`` a kernel gets a bare Python float where the compiler gives a number of
float32, the mathematical functions of the device return nothing, and whoever asks for a driver is
told that there is none; of two tensors that begin at one address it copies back the first alone.
So kernels that are right on a device raise. Nothing of them is edited: what is missing is put into
its place in Triton itself.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType, ModuleType
from typing import Any

#: Where kernels take the functions of the device from.
LIBRARIES = ("triton.language.extra.libdevice", "triton.language.extra.cuda.libdevice")

#: Functions of the device that torch has under the same name.
SAME = (
    *("abs", "ceil", "floor", "trunc", "sqrt", "rsqrt", "exp", "exp2", "expm1"),
    *("log", "log2", "log10", "log1p", "erf", "erfc", "erfinv", "lgamma"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"),
    *("asinh", "acosh", "atanh", "atan2", "hypot", "copysign", "nextafter", "fmod", "pow"),
)

#: And under another; `round` is left out, which sends halves another way than torch's does.
OTHERS: Mapping[str, str] = MappingProxyType(
    {
        **{f"fast_{name}f": name for name in ("exp", "log", "log2", "log10", "sin", "cos", "tan")},
        "fast_tanhf": "tanh",
        "fast_powf": "pow",
        "fast_dividef": "div",
        **{f"{name}_rn": name for name in ("add", "sub", "mul", "div", "sqrt", "rsqrt")},
        "rcp_rn": "reciprocal",
        "rint": "round",
        "nearbyint": "round",
    }
)

#: What a device is said to be: of few processors, since every program that is started costs.
PROPERTIES: Mapping[str, int] = MappingProxyType(
    {"multiprocessor_count": 4, "max_shared_mem": 166_912, "warpSize": 32, "max_num_regs": 65_536}
)


class NoDriver:
    """Answers what kernels ask of a device where there is none."""

    class utils:  # noqa: N801 - the name by which Triton knows it
        """What a driver knows of its devices."""

        @staticmethod
        def get_device_properties(device: int = 0) -> dict[str, int]:  # noqa: ARG004 - asked so
            """Of each device the same."""
            return dict(PROPERTIES)

    def get_current_target(self) -> Any:
        """A target that is none of those for which kernels have code of their own."""
        return import_module("triton.backends.compiler").GPUTarget("cpu", 0, PROPERTIES["warpSize"])

    def get_current_device(self) -> int:
        """The only one."""
        return 0

    def get_current_stream(self, device: int = 0) -> int:
        """The only one."""
        return 0

    def get_active_torch_device(self) -> Any:
        """Where the tensors are."""
        return import_module("torch").device("cpu")

    def get_device_interface(self) -> Any:
        """Torch's module for it."""
        return import_module("torch").cpu

    def get_benchmarker(self) -> Callable[..., Sequence[float]]:
        """Each configuration takes as long as any other, so that the first is chosen unmeasured."""
        return lambda call, quantiles=(), **others: [1.0] * max(len(quantiles), 1)


def complete() -> None:
    """Complete the interpreter, if Triton is installed; doing it twice changes nothing."""
    if find_spec("triton") is None:
        return
    try:
        interpreter = import_module("triton.runtime.interpreter")
        runtime = import_module("triton.runtime")
    except Exception:  # noqa: BLE001 - what keeps Triton from being imported is told by the kernel
        return
    _wrap_numbers(interpreter)
    _copy_nothing(interpreter)
    runtime.driver.set_active(NoDriver())
    for name in LIBRARIES:
        # Each version has one of them at least.
        with contextlib.suppress(ImportError):
            _fill(import_module(name))


def _wrap_numbers(interpreter: ModuleType) -> None:
    """Let a float among the arguments be a number of float32, as the compiler has it."""
    convert = getattr(interpreter, "_implicit_cvt", None)
    if convert is None or getattr(convert, "wraps_floats", False):
        return

    def converted(argument: Any) -> Any:
        if isinstance(argument, float):
            return _number(interpreter, argument)
        return convert(argument)

    converted.wraps_floats = True  # type: ignore[attr-defined]
    vars(interpreter)["_implicit_cvt"] = converted


def _number(interpreter: Any, value: float) -> Any:
    import numpy as np

    language = sys.modules["triton.language"]
    kind = language.float32
    return language.tensor(interpreter.TensorHandle(np.array([value], np.float32), kind), kind)


def _copy_nothing(interpreter: ModuleType) -> None:
    """Let a kernel work on the tensors themselves where they are in this memory already."""
    executor = getattr(interpreter, "GridExecutor", None)
    names = ("_init_args_hst", "_restore_args_dev")
    if not all(hasattr(executor, name) for name in names) or hasattr(executor, "copies_nothing"):
        return
    fetch, give_back = (getattr(executor, name) for name in names)

    def fetched(self: Any, given: Sequence[Any], keywords: dict[str, Any]) -> Any:
        if _are_here([*given, *keywords.values()]):
            return list(given), dict(keywords)
        return fetch(self, given, keywords)

    def given_back(self: Any, given: Sequence[Any], *others: Any) -> None:
        if not _are_here([*given, *others[1].values()]):
            give_back(self, given, *others)

    executor.copies_nothing = True  # type: ignore[union-attr]
    for name, function in zip(names, (fetched, given_back), strict=True):
        setattr(executor, name, function)


def _are_here(arguments: Sequence[Any]) -> bool:
    """Whether each tensor among them is one of torch's, in the memory of this process."""
    torch = import_module("torch")
    return all(
        isinstance(each, torch.Tensor) and each.device.type == "cpu"
        for each in arguments
        if not isinstance(each, (int, float, str, type(None), torch.dtype))
        and (hasattr(each, "data_ptr") or isinstance(each, tuple) or hasattr(each, "block_shape"))
    )


def _fill(library: ModuleType) -> None:
    """Let the functions of the device be computed by torch's, or say that they are not there."""
    torch = import_module("torch")
    meant = {**{name: name for name in SAME}, **OTHERS}
    for name, function in list(vars(library).items()):
        if not callable(function) or name.startswith("_") or isinstance(function, type):
            continue
        if getattr(function, "__module__", "") != library.__name__:
            continue
        stand_in = _by_torch(name, getattr(torch, meant[name])) if name in meant else _missing(name)
        stand_in.__module__ = "bpcheck"
        setattr(library, name, stand_in)


def _by_torch(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """One function of the device, on the interpreter's tensors."""

    def computed(*arguments: Any, **_: Any) -> Any:
        import torch

        interpreter: Any = sys.modules["triton.runtime.interpreter"]
        language = sys.modules["triton.language"]
        semantic = interpreter.interpreter_semantic
        tensors = [semantic.to_tensor(each) for each in arguments]
        for each in tensors[1:]:
            tensors[0], _each = semantic.broadcast_impl_value(tensors[0], each)
        tensors[1:] = [semantic.broadcast_impl_value(each, tensors[0])[0] for each in tensors[1:]]
        kinds = {str(each.dtype.scalar) for each in tensors}
        if not kinds <= {"fp32", "fp64"} or len(kinds) > 1:
            raise TypeError(
                f"libdevice.{name} of {', '.join(sorted(kinds))}: float32 or float64 was expected, "
                "as on the device; convert by .to(tl.float32)"
            )
        data = function(*(torch.from_numpy(each.handle.data.copy()) for each in tensors)).numpy()
        kind = tensors[0].dtype.scalar
        return language.tensor(interpreter.TensorHandle(data, kind), tensors[0].type)

    return computed


def _missing(name: str) -> Callable[..., Any]:
    def refused(*arguments: Any, **_: Any) -> Any:
        raise NotImplementedError(
            f"libdevice.{name}: no function of torch's stands in for it where kernels are "
            "interpreted; check this kernel on a device"
        )

    return refused
