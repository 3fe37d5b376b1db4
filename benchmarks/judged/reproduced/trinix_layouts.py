import torch
from torch.nn.functional import layer_norm, rms_norm
from trinix.kernels.layernorm_kernel import TritonLayerNormFunction
from trinix.kernels.reglu_kernel import TritonReGLUFunction
from trinix.kernels.rmsnorm_kernel import TritonRMSNormFunction


def reglu(x):
    first, second = x.chunk(2, -1)
    return first * second.relu()


def off(y, exact):
    return "right" if (y - exact).abs().max() < 1e-5 else "wrong"


torch.manual_seed(0)
one, zero = torch.ones(8), torch.zeros(8)
for name, x in (("rows", torch.randn(4, 8)), ("columns", torch.randn(8, 4).T)):
    exact = layer_norm(x.double(), (8,), one.double(), zero.double(), 1e-5)
    y = TritonLayerNormFunction.apply(x, one, zero, 1e-5)
    print(f"x stored by {name}: layer norm {off(y, exact)}, ", end="")
    print("ReGLU", off(TritonReGLUFunction.apply(x), reglu(x.double())))
x, weights = torch.randn(4, 8, requires_grad=True), torch.randn(16)
for name, weight in (("beside each other", weights[:8]), ("every other one", weights[::2])):
    exact = rms_norm(x.double(), (8,), weight.double(), 1e-5)
    print(f"weights {name}: RMS norm", off(TritonRMSNormFunction.apply(x, weight, 1e-5), exact))
exact = x.detach().double().requires_grad_()
for name, given in (("ones", torch.ones(4, 4)), ("one number, expanded", torch.ones(1, 1))):
    bar = given.expand(4, 4)
    x_bar = torch.autograd.grad(TritonReGLUFunction.apply(x), x, bar)[0]
    x_true = torch.autograd.grad(reglu(exact), exact, bar.double())[0]
    print(f"ReGLU's gradient of {name}:", off(x_bar, x_true))
