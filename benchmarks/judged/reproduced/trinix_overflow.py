import torch
from torch.nn import functional
from trinix.kernels.geglu_kernel import TritonGeGLUFunction
from trinix.kernels.mish_kernel import TritonMishFunction

for x in (5.0, 10.0, 15.0):
    both = torch.tensor([[1.0, x]], requires_grad=True)
    y = TritonGeGLUFunction.apply(both)
    y.backward()
    exact = functional.gelu(both[:, 1].double(), approximate="tanh").item()
    print(f"geglu of 1, {x}: {y.item():.6g}, gradient {both.grad[0].tolist()}; exact {exact:.6g}")
for x in (-20.0, 5.0, 45.0):
    one = torch.tensor([x], requires_grad=True)
    y = TritonMishFunction.apply(one)
    y.backward()
    exact = functional.mish(one.double()).item()
    print(f"mish of {x}: {y.item():.6g}, gradient {one.grad.item()}; exact {exact:.6g}")
