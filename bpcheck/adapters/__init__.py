"""Other shapes of code as subjects: a `forward`/`vjp` pair on NumPy arrays, a torch callable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bpcheck.adapters.functional import Framework, functional_subject
from bpcheck.adapters.functions import Function, functions_subject
from bpcheck.adapters.layers import layers_subject
from bpcheck.adapters.native import native_subject
from bpcheck.adapters.presets import PRESETS, in_words
from bpcheck.adapters.styles import STYLES
from bpcheck.adapters.target import NOTHING, load_with
from bpcheck.adapters.tensors import tensors_subject
from bpcheck.claims import DEFAULT_DTYPES
from bpcheck.errors import UsageError
from bpcheck.operations import Operation, as_operation
from bpcheck.subject import Subject

__all__ = [
    "STYLES",
    "ctypes",
    "functional",
    "layer",
    "load",
    "pair",
    "stateless",
    "tensor",
    "torch",
]


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
    from bpcheck.adapters.torch_declared import declared_subject, module_class, says_int

    operation = as_operation(operation)
    modules, plain = module_class(fn), unwrapped(fn)
    if device != "cpu" or not (modules or words or says_int(plain, operation)):
        return torch_subject(fn, operation=operation, name=name, device=device, dtypes=dtypes)
    found = declared_subject(
        modules or plain,
        operation=operation,
        name=name or str(getattr(modules or plain, "__name__", "subject")),
        words=in_words(words),
    )
    return found if dtypes is None else found.claiming(dtypes=tuple(dtypes))


def pair(
    forward: Function,
    backward: Function,
    *,
    operation: Operation | str,
    name: str | None = None,
    preset: str = "pair",
    **words: Any,
) -> Subject:
    """Two functions with a cache between them as a subject.

    Parameters
    ----------
    forward
        ``forward(x, w, b, ...) -> (y, cache)``, with params as it likes them.
    backward
        ``backward(dout, cache) -> (dx, dw, db)``.
    operation
        What they promise to compute, or the name of that.
    name
        How reports call them; by default the forward's name.
    preset
        ``"pair"``, ``"cs231n"`` or ``"coursera"``: what is declared unless `words` say otherwise.
    words
        What the code does differently: ``forward=`` and ``backward=`` are the calls as they are
        written; the others are those of `bpcheck.adapters.declaration.Declaration`. In the place of
        the keyword ``forward`` write `call`, and of ``backward``, `back`.

    Returns
    -------
    Subject
        In cases that the declaration leaves out, it raises `Unsupported`.

    Raises
    ------
    UsageError
        For a word that cannot be understood.
    TargetError
        If it cannot be told how a function is called.

    Examples
    --------
    >>> import numpy as np
    >>> def pool_forward(x, params):
    ...     return x.reshape(*x.shape[:2], -1, params["f"]).max(-1), x
    >>> def pool_backward(dout, cache): ...
    >>> pool = pair(pool_forward, pool_backward, operation="max_pool1d", call="x, {'f': k}")
    >>> pool.forward(np.array([[[1.0, 3.0, 2.0, 0.0]]]), kernel_size=(2,), stride=(2,))[0]
    array([[[3., 2.]]])
    """
    return _functions(forward, backward, operation, name, preset, "y cache", words)


def stateless(
    forward: Function,
    *backwards: Function,
    operation: Operation | str,
    name: str | None = None,
    **words: Any,
) -> Subject:
    """Functions that keep nothing: a backward gets the operands again.

    Parameters
    ----------
    forward
        ``forward(x, w, b, ...) -> y``.
    backwards
        One function that returns all gradients, or one for each.
    operation, name
        As for `pair`.
    words
        As for `pair`; `back` may be a list, with the call of each backward.

    Raises
    ------
    UsageError, TargetError
        As for `pair`.

    Examples
    --------
    >>> import numpy as np
    >>> def pool(x, k):
    ...     return x.reshape(*x.shape[:2], -1, k).mean(-1)
    >>> def grad_x(dy, k, x_shape):
    ...     return np.repeat(dy / k, k, axis=-1)
    >>> subject = stateless(pool, grad_x, operation="avg_pool1d")
    >>> y, residuals = subject.forward(np.ones((1, 1, 4)), kernel_size=(2,), stride=(2,))
    >>> subject.vjp(residuals, np.array([[[2.0, 6.0]]]))
    (array([[[1., 1., 3., 3.]]]),)
    """
    return _functions(forward, backwards, operation, name, "stateless", "y", words)


def layer(
    cls: Any,
    *,
    operation: Operation | str,
    name: str | None = None,
    preset: str = "layer",
    **words: Any,
) -> Subject:
    """A class of layer objects as a subject; each forward gets a new instance.

    Parameters
    ----------
    cls
        The class. Its constructor takes the weights, or makes its own, which are then replaced.
    operation
        What it promises to compute, or the name of that.
    name
        How reports call it; by default the name of the class.
    preset
        ``"layer"`` or ``"saito"``.
    words
        ``make``: the constructor's call, or a function that makes a layer; ``call`` and ``back``:
        the calls of its methods; ``weights`` and ``grads``: the places of the weights and of their
        gradients, as ``("W", "b")`` or ``("params['W']", "params['b']")``; ``rate``: the place of
        the learning rate of a layer that updates itself, if its backward is not passed one; and
        those of `bpcheck.adapters.declaration.Declaration`.

    Returns
    -------
    Subject
        Where a backward takes a learning rate and no ``grads`` are declared, the gradients are what
        the update took away, with a rate so large a power of two that no bit of them is lost.

    Raises
    ------
    UsageError
        For a word that cannot be understood.
    TargetError
        If it cannot be told how a layer is made or called.

    Examples
    --------
    >>> import numpy as np
    >>> class Pool:
    ...     def __init__(self, pool_size):
    ...         self.size = pool_size
    ...
    ...     def forward(self, x):
    ...         return x.reshape(*x.shape[:2], -1, self.size).mean(-1)
    ...
    ...     def backward(self, dout):
    ...         return np.repeat(dout / self.size, self.size, axis=-1)
    >>> subject = layer(Pool, operation="avg_pool1d", ints=True)
    >>> y, residuals = subject.forward(np.ones((1, 1, 4)), kernel_size=(2,), stride=(2,))
    >>> subject.vjp(residuals, np.array([[[2.0, 6.0]]]))
    (array([[[1., 1., 3., 3.]]]),)
    """
    operation, given = as_operation(operation), in_words(words)
    if preset in PRESETS:
        given = PRESETS[preset].words(operation, given)
    name = name or str(getattr(cls, "__name__", "layer"))
    return layers_subject(cls, operation=operation, name=name, style=preset, words=given)


def tensor(
    fn: Function,
    *,
    to: Function,
    operation: Operation | str,
    name: str | None = None,
    **words: Any,
) -> Subject:
    """A function on the tensors of a NumPy engine, which have ``.backward(dout)`` and ``.grad``.

    Parameters
    ----------
    fn
        ``fn(x, w, b, ...) -> y`` on tensors.
    to
        Makes a tensor of an array: the engine's class.
    operation, name
        As for `pair`.
    words
        ``call``: how `fn` is called; ``back``: the call of the result's method, by default
        ``backward(dy)`` (``backward(to(dy))`` for an engine that wants a tensor there); ``value``
        and ``grad``: where a tensor keeps its numbers and its gradient, by default ``data`` and
        ``grad``; and those of `bpcheck.adapters.declaration.Declaration`.

    Returns
    -------
    Subject
        It claims one backward for each forward: such graphs add up gradients.

    Raises
    ------
    UsageError, TargetError
        As for `pair`.

    Examples
    --------
    >>> import numpy as np
    >>> class Tensor:
    ...     def __init__(self, data):
    ...         self.data = data
    >>> def pool(x, kernel_size):
    ...     y = Tensor(x.data.reshape(*x.data.shape[:2], -1, kernel_size).mean(-1))
    ...
    ...     def backward(dout):
    ...         x.grad = np.repeat(dout / kernel_size, kernel_size, axis=-1)
    ...
    ...     y.backward = backward
    ...     return y
    >>> subject = tensor(pool, to=Tensor, operation="avg_pool1d", ints=True)
    >>> y, residuals = subject.forward(np.ones((1, 1, 4)), kernel_size=(2,), stride=(2,))
    >>> subject.vjp(residuals, np.array([[[2.0, 6.0]]]))
    (array([[[1., 1., 3., 3.]]]),)
    """
    name = name or str(getattr(fn, "__name__", "subject"))
    given = in_words(words)
    return tensors_subject(fn, to, operation=as_operation(operation), name=name, words=given)


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


def ctypes(
    library: str | Path, *, operation: Operation | str, name: str | None = None, **words: Any
) -> Subject:
    """Functions of a shared library, from C or C++, as a subject.

    Parameters
    ----------
    library
        The path of the library.
    operation, name
        As for `pair`.
    words
        ``forward`` and ``backward``: the functions with the names of what they take, in order, as
        ``"conv_forward(x w b y n c h wd oc kh kw s p)"``. Arrays are pointers to contiguous memory
        in the code's order of axes; ``y``, ``dx``, ``dw`` and ``db`` are written by the code, and
        hold NaN before, or 0 where it is ``accumulating``. Anything else is an ``int``, or what
        ``int`` says (``"int64_t"``). ``dtype`` says what the arrays hold. And those of
        `bpcheck.adapters.declaration.Declaration`.

    Raises
    ------
    UsageError
        For a word that is missing or cannot be understood.
    TargetError
        If the library cannot be loaded, or has no such function.
    """
    return native_subject(
        str(library),
        operation=as_operation(operation),
        name=name or Path(library).name,
        words=words,
    )


def _functions(
    forward: Function,
    backwards: Function | tuple[Function, ...],
    operation: Operation | str,
    name: str | None,
    preset: str,
    returns: str,
    words: Mapping[str, Any],
) -> Subject:
    given = in_words(words)
    operation = as_operation(operation)
    if preset in PRESETS:
        given = PRESETS[preset].words(operation, given)
    return functions_subject(
        forward,
        backwards,
        holder=forward,
        operation=operation,
        name=name or str(getattr(forward, "__name__", "subject")),
        style=preset,
        words=given,
        returns=returns,
    )


def load(
    target: str,
    *,
    operation: Operation | str,
    style: str = "numpy",
    words: Mapping[str, Any] = NOTHING,
    dtypes: tuple[str, ...] = DEFAULT_DTYPES,
    directory: Path | None = None,
) -> Subject:
    """The subject that a target names.

    Parameters
    ----------
    target
        ``module``, ``module:attribute``, ``path/file.py`` or ``path/file.py:attribute``. It gives
        ``forward`` and ``vjp`` (a module, an object, or a class made without arguments), or is a
        `Subject`; in the style ``"torch"`` it is the function itself.
    operation
        What it promises to compute, or the name of that.
    style
        The kind of code: a key of `STYLES`.
    words
        What is declared of the code: the options of its style, by name.
    dtypes
        What a target that has no ``DTYPES`` is taken to claim, by NumPy name.
    directory
        Where modules and files are looked for first; by default the current directory.

    Raises
    ------
    TargetError
        If it cannot be imported or is no subject; the message says where and what to do.
    UsageError
        If there is no such style.

    Examples
    --------
    >>> load("torch.nn.functional:conv2d", operation="conv2d", style="torch").name
    'torch.nn.functional:conv2d'
    """
    return load_with(
        STYLES,
        target,
        operation=as_operation(operation),
        style=style,
        words=words,
        dtypes=dtypes,
        directory=directory,
    )
