"""What a framework differentiates: `torch` and `functional` of `bpcheck.adapters`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bpcheck.adapters.functional import Framework, functional_subject
from bpcheck.adapters.functions import Function
from bpcheck.adapters.presets import in_words
from bpcheck.errors import UsageError
from bpcheck.operations import Operation, as_operation
from bpcheck.subject import Subject


def torch(
    fn: Any,
    *,
    operation: Operation | str,
    name: str | None = None,
    device: str = "cpu",
    dtypes: Sequence[Any] | None = None,
    **words: Any,
) -> Subject:
    """A differentiable torch callable as a subject.

    Parameters
    ----------
    fn
        A function on tensors, ``fn(*operands, **params) -> y``, a module object that is called so,
        an `autograd.Function`, a registered operator, or a class of modules, of which one is made
        for each case with the case's weights in it. Params are passed by the names of
        `torch.nn.functional` where `fn` has any of them, else by position in its order.
    operation
        What `fn` promises to compute: an operation, or its name, such as ``"conv2d"``.
    name
        How reports call it; by default its own name.
    device
        Where it runs. Arrays share their memory with its tensors on the CPU.
    dtypes
        The dtypes that it claims: names, or torch's or NumPy's dtypes.
    words
        What it does differently, as for `functional` (``make`` is the call of a module's
        constructor); only on the CPU.

    Returns
    -------
    Subject
        Its vjp gives the gradients as the backward returned them: where `fn` is one
        `autograd.Function`, a wrong dtype or shape is not mended by torch's engine.

    Raises
    ------
    TargetError
        If `fn` cannot be called on tensors, or the device or a dtype is not there.

    Examples
    --------
    >>> import numpy as np
    >>> from torch.nn import functional
    >>> subject = torch(functional.avg_pool1d, operation="avg_pool1d")
    >>> y, residuals = subject.forward(np.ones((1, 1, 4)), kernel_size=(2,), stride=(2,))
    >>> subject.vjp(residuals, np.array([[[2.0, 6.0]]]))
    (array([[[1., 1., 3., 3.]]]),)
    """
    from bpcheck.adapters.torch_callable import torch_subject, unwrapped
    from bpcheck.adapters.torch_declared import declared_subject, says_int
    from bpcheck.adapters.torch_module_targets import instance_of, module_class, modules_subject

    operation = as_operation(operation)
    modules, plain = module_class(fn), unwrapped(fn)
    if device != "cpu" or not (modules or words or says_int(plain, operation)):
        return torch_subject(fn, operation=operation, name=name, device=device, dtypes=dtypes)
    name = name or str(getattr(modules or plain, "__name__", "subject"))
    given: dict[str, Any] = {"operation": operation, "name": name, "words": in_words(words)}
    found = (
        modules_subject(modules, **given, instance=instance_of(fn))
        if modules
        else declared_subject(plain, **given)
    )
    return found if dtypes is None else found.claiming(dtypes=tuple(dtypes))


def functional(
    fn: Function,
    *,
    operation: Operation | str,
    preset: str = "",
    to: Function | None = None,
    back: Function | None = None,
    vjp: Function | None = None,
    name: str | None = None,
    **words: Any,
) -> Subject:
    """A function of a framework, differentiated by the framework's own vjp, as a subject.

    Parameters
    ----------
    fn
        ``fn(x, w, b, ...) -> y`` on the framework's arrays; what has a backward of its own there
        (a ``custom_vjp`` in JAX) is judged by it.
    operation
        What it promises to compute, or the name of that.
    preset
        ``"jax"``, ``"autograd"``, ``"tensorflow"``, ``"paddle"``, ``"mlx"``, ``"tinygrad"``,
        ``"mindspore"`` or ``"chainer"``, in the place of the next three.
    to, back
        Turn a NumPy array into the framework's, and back.
    vjp
        ``vjp(fn, *operands) -> (y, pullback)``; ``pullback(y_bar)`` gives the gradients.
    name
        How reports call it.
    words
        ``call``: how `fn` is called; and those of `bpcheck.adapters.declaration.Declaration`.

    Raises
    ------
    UsageError
        For a word that cannot be understood, or neither a preset nor the three functions.
    TargetError
        If the framework is not there, or it cannot be told how `fn` is called.

    Examples
    --------
    >>> import numpy as np
    >>> import torch as framework
    >>> def vjp(fn, *operands):
    ...     y, pullback = framework.func.vjp(fn, *operands)
    ...     return y, pullback
    >>> pool = functional(
    ...     lambda x, size: framework.nn.functional.avg_pool1d(x, size),
    ...     operation="avg_pool1d",
    ...     to=framework.tensor,
    ...     back=framework.Tensor.numpy,
    ...     vjp=vjp,
    ... )
    >>> y, residuals = pool.forward(np.ones((1, 1, 4)), kernel_size=(2,), stride=(2,))
    >>> pool.vjp(residuals, np.array([[[2.0, 6.0]]]))
    (array([[[1., 1., 3., 3.]]]),)
    """
    from bpcheck.adapters.frameworks import FRAMEWORKS

    if preset:
        if preset not in FRAMEWORKS:
            raise UsageError(f"preset={preset!r}: there are {', '.join(FRAMEWORKS)}")
        framework = FRAMEWORKS[preset]()
    elif to is None or back is None or vjp is None:
        raise UsageError("functional: give a preset, such as 'jax', or to=, back= and vjp=")
    else:
        framework = Framework("functional", to, back, vjp)
    name = name or str(getattr(fn, "__name__", "subject"))
    return functional_subject(
        fn,
        operation=as_operation(operation),
        name=name,
        framework=framework,
        words=in_words(words),
    )
