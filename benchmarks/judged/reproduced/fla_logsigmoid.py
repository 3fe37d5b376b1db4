import torch
from fla.modules.activations import ops
from torch.nn.functional import logsigmoid

for kernel in (ops.logsigmoid_fwd_kernel, ops.logsigmoid_bwd_kernel):
    kernel.configs = kernel.configs[:1]  # there is no device to choose one on
x = torch.tensor([5.0, 10.0, 15.0, 20.0, 40.0])
exact = x.double().requires_grad_()
logsigmoid(exact).sum().backward()
for name, function in (("fla", ops.logsigmoid), ("torch float32", logsigmoid)):
    leaf = x.clone().requires_grad_()
    y = function(leaf)
    y.sum().backward()
    print(name)
    print("  values", [f"{each:.4g}" for each in y.tolist()])
    print("  gradients", [f"{each:.4g}" for each in leaf.grad.tolist()])
print("exact gradients", [f"{each:.4g}" for each in exact.grad.tolist()])
