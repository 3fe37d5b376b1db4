import torch
from trinix.kernels.reglu_kernel import TritonReGLUFunction

torch.manual_seed(0)
x = torch.randn(3, 8, requires_grad=True)
TritonReGLUFunction.apply(x).sum().backward()  # the gradient that arrives is expanded
exact = x.detach().double().requires_grad_()
first, second = exact.chunk(2, -1)
(first * second.relu()).sum().backward()
print("kernel", x.grad[0].tolist())
print("exact ", [round(each, 4) for each in exact.grad[0].tolist()])
