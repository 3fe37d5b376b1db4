import torch
from liger_kernel.ops.fused_linear_cross_entropy import LigerFusedLinearCrossEntropyFunction
from torch.nn.functional import cross_entropy


class Number(float):
    def to(self, dtype):
        return self


torch.manual_seed(0)
x, weight, target = torch.randn(3, 4), torch.randn(5, 4), torch.tensor([0, 1, 2])
exact = x.double().requires_grad_()
true = 2 * cross_entropy(exact @ weight.double().T, target)
x.requires_grad_()
# The interpreter has no number of float32 for a bare float.
none = Number(0)
loss = LigerFusedLinearCrossEntropyFunction.apply(x, weight, target, None, None, -100, none, none)
for turn in ("first", "second"):
    wanted = torch.autograd.grad(true, exact, retain_graph=True)[0]
    found = torch.autograd.grad(2 * loss[0], x, retain_graph=True)[0]
    print(f"{turn} backward: off by {(found - wanted).abs().max():.1e}")
