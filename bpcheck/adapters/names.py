"""What a parameter of somebody's code means by its name: one vocabulary for all adapters."""

from __future__ import annotations

from bpcheck.operations import Operation

#: The letters of spatial sizes and params, after the axis that they belong to.
_AXIS_LETTERS = {"h": "H", "w": "W", "d": "D"}

#: For each thing that a call can pass or return, the names that code has for it, in small letters.
SPELLINGS: dict[str, tuple[str, ...]] = {
    "x": (
        *("x", "input", "inputs", "inp", "a_prev", "aprev", "image", "images", "img", "data"),
        *("xs", "in_", "features", "x_in", "input_data", "activations", "bottom"),
    ),
    "w": (
        "w",
        "weight",
        "weights",
        "filters",
        "filter",
        "filt",
        "wt",
        "theta",
        "kernels",
        "kernel",
        "kern",
    ),
    "b": ("b", "bias", "biases"),
    "has_weight": ("has_weight",),
    "has_bias": ("has_bias", "use_bias", "with_bias", "usebias", "add_bias", "bias_flag"),
    "y": ("y", "a", "out", "output", "outputs", "z", "result", "top"),
    "dy": (
        *("dy", "dout", "d_out", "dz", "da", "grad_output", "grad_out", "grad_y", "gy", "y_bar"),
        *("upstream", "upstream_grad", "upstream_gradient", "delta", "grad", "dldy", "dl_dy", "g"),
        *(
            "dl_dout",
            "d_l_d_out",
            "output_grad",
            "out_grad",
            "gradient",
            "grads",
            "error",
            "errors",
        ),
        *("output_gradient", "out_gradient", "gradient_output", "d_output", "doutput"),
        *("cotangent", "ct", "grad_outputs", "dl_dz", "dupstream", "dvalues", "errors", "ybar"),
        *("accum_grad", "dloss"),
    ),
    "dx": (
        *("dx", "da_prev", "daprev", "x_bar", "grad_x", "grad_input", "gx", "dinput", "d_input"),
        *("input_gradient", "gradient_input", "d_l_d_input", "dl_dinput", "dl_din"),
        *("input_grad", "dinputs", "dl_dx", "dldx", "xbar", "din"),
    ),
    "dw": (
        *("dw", "w_bar", "grad_w", "grad_weight", "gw", "dweight", "dweights", "d_weights"),
        *("kernels_gradient", "weights_gradient", "weight_gradient", "d_l_d_filters", "dkernels"),
        *("weight_grad", "dfilters", "dl_dw", "dldw", "grad_weights", "wbar", "dkernel"),
    ),
    "db": (
        *("db", "b_bar", "grad_b", "grad_bias", "gb", "dbias", "dbiases", "d_bias", "bias_grad"),
        *("bias_gradient", "biases_gradient", "dl_db", "dldb", "bbar"),
    ),
    "cache": ("cache", "residuals", "ctx", "saved", "context", "saved_tensors", "tape", "memory"),
    "lr": ("lr", "learning_rate", "learn_rate", "learningrate", "alpha", "step_size", "eta"),
    "mode": ("mode", "pool_type", "pooling_type", "pool_mode", "pool_function"),
    "stride": ("stride", "strides", "stride_size", "step", "steps"),
    "padding": ("padding", "pad", "pads", "paddings", "zero_padding", "pad_size"),
    "dilation": ("dilation", "dilations", "dilate", "dilation_rate"),
    "groups": ("groups", "group", "num_groups", "n_groups", "feature_group_count"),
    "kernel_size": (
        *("kernel_size", "ksize", "k_size", "pool_size", "window", "window_size", "filter_size"),
        *("pool_shape", "window_shape", "kernel_shape", "size", "pool"),
    ),
    "ceil_mode": ("ceil_mode",),
    "count_include_pad": ("count_include_pad",),
    "divisor_override": ("divisor_override",),
    "x_shape": ("x_shape", "input_shape", "in_shape", "x_size", "input_size", "shape"),
    "w_shape": ("w_shape", "weight_shape", "w_size", "weight_size", "filter_shape"),
    "y_shape": ("y_shape", "output_shape", "out_shape", "y_size", "output_size"),
    "n": ("n", "batch", "batch_size", "m", "num_samples"),
    "c": (
        "c",
        "ic",
        "in_channels",
        "c_in",
        "cin",
        "n_c_prev",
        "channels",
        "in_ch",
        "input_channels",
    ),
    "oc": (
        *("oc", "out_channels", "c_out", "cout", "num_filters", "n_filters", "f_out", "n_c"),
        *("out_ch", "output_channels", "filters_count"),
    ),
    "h": ("h", "height", "ih", "n_h_prev", "h_in", "in_h", "in_height"),
    "wd": ("wd", "width", "iw", "n_w_prev", "w_in", "in_w", "in_width", "l"),
    "depth": ("depth", "id", "d_in"),
    "oh": ("oh", "out_h", "h_out", "out_height"),
    "ow": ("ow", "out_w", "w_out", "out_width"),
    "od": ("od", "out_d", "d_out_"),
    "k": ("k", "f", "fs"),
    "kh": (
        "kh",
        "k_h",
        "fh",
        "filter_h",
        "hh",
        "pool_h",
        "pool_height",
        "kernel_h",
        "kernel_height",
    ),
    "kw": ("kw", "k_w", "fw", "filter_w", "ww", "pool_w", "pool_width", "kernel_w", "kernel_width"),
    "kd": ("kd", "pool_depth", "kernel_depth"),
    "s": ("s",),
    "sh": ("sh", "stride_h", "stride_height"),
    "sw": ("sw", "stride_w", "stride_width"),
    "sd": ("sd", "stride_d"),
    "p": ("p",),
    "ph": ("ph", "pad_h", "padding_h", "pad_height"),
    "pw": ("pw", "pad_w", "padding_w", "pad_width"),
    "pd": ("pd", "pad_d", "padding_d"),
    "dil": ("dil",),
    "dilh": ("dilh", "dil_h", "dilation_h"),
    "dilw": ("dilw", "dil_w", "dilation_w"),
    "dild": ("dild", "dil_d", "dilation_d"),
}

#: Parameters that hold several others, in a dictionary or an object.
HOLDERS = (
    *("conv_param", "pool_param", "hparameters", "hparams", "params", "param", "config", "cfg"),
    *("options", "opts", "hyperparameters", "conv_params", "pool_params", "hyper"),
)

_BY_SPELLING = {each: name for name, spellings in SPELLINGS.items() for each in spellings}

#: For names of one number: the param that it is of, and the axis; no axis is that of all.
NUMBERS = {
    prefix + letter: (param, _AXIS_LETTERS.get(letter, ""))
    for prefix, param in {
        "k": "kernel_size",
        "s": "stride",
        "p": "padding",
        "dil": "dilation",
    }.items()
    for letter in ("", *_AXIS_LETTERS)
} | {"g": ("groups", "")}

#: For names of one number: the array, and the axis, whose length it is.
SIZES = {
    "n": ("x", "N"),
    "c": ("x", "C"),
    "h": ("x", "H"),
    "wd": ("x", "W"),
    "depth": ("x", "D"),
    "oc": ("y", "C"),
    "oh": ("y", "H"),
    "ow": ("y", "W"),
    "od": ("y", "D"),
}

#: The operand of each gradient.
GRADIENTS = {"dx": "x", "dw": "w", "db": "b"}


def meaning(name: str, operation: Operation, *, of_backward: bool = False) -> str | None:
    """What a name stands for in code of `operation`; ``None`` if that cannot be told.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> conv, pool = operation_named("conv2d"), operation_named("max_pool2d")
    >>> meaning("hparameters", conv), meaning("A_prev", conv), meaning("dZ", conv)
    (None, 'x', 'dy')
    >>> meaning("kernel", conv), meaning("kernel", pool)
    ('w', 'kernel_size')
    >>> meaning("dim", operation_named("softmax")), meaning("dim", conv)
    ('dim', None)
    """
    small = name.lower()
    if small in operation.operands:
        return small
    if name in operation.own_params:
        return name
    found = _BY_SPELLING.get(small)
    if found is None and name in operation.neutral:
        # A param of the operation alone, by its own name.
        return name
    # A large K is the kernel itself, a small one its size.
    if name == "K" and "w" in operation.operands:
        found = "w"
    # A bare g is what comes from above in a backward, the number of groups elsewhere.
    if small == "g" and not of_backward:
        found = "g"
    if found == "w" and "w" not in operation.operands:
        found = {"kernel": "kernel_size", "w": "wd"}.get(small)
    return found


def gradient_of(name: str, operation: Operation) -> str | None:
    """The operand whose gradient a name stands for.

    Examples
    --------
    >>> from bpcheck.operations import operation_named
    >>> (
    ...     gradient_of("dA_prev", operation_named("conv2d")),
    ...     gradient_of("w", operation_named("conv2d")),
    ... )
    ('x', 'w')
    """
    found = _BY_SPELLING.get(name.lower())
    operand = GRADIENTS.get(found or "", found)
    for each in operation.operands:
        if name.lower() in (f"{each}_bar", f"d{each}", f"grad_{each}", f"g{each}", each):
            operand = each
    return operand if operand in operation.operands else None
