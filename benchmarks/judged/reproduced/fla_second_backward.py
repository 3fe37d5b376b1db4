import torch
from fla.modules.fused_linear_cross_entropy import ops
from torch.nn.functional import cross_entropy

torch.manual_seed(0)
x, weight, target = torch.randn(3, 4), torch.randn(5, 4), torch.tensor([0, 1, 2])
exact = x.double().requires_grad_()
true = 2 * cross_entropy(exact @ weight.double().T, target)
x.requires_grad_()
loss = ops.fused_linear_cross_entropy_loss(x, target, weight)
for turn in ("first", "second"):
    wanted = torch.autograd.grad(true, exact, retain_graph=True)[0]
    found = torch.autograd.grad(2 * loss, x, retain_graph=True)[0]
    print(f"{turn} backward: off by {(found - wanted).abs().max():.1e}")
