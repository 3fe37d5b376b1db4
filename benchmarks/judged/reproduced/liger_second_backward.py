import torch
from liger_kernel.ops.cross_entropy import LigerCrossEntropyFunction
from torch.nn.functional import cross_entropy


class Number(float):
    def to(self, dtype):
        return self


torch.manual_seed(0)
logits, target = torch.randn(3, 4), torch.tensor([0, 1, 2])
exact = logits.double().requires_grad_()
x = logits.clone().requires_grad_()
true = 2 * cross_entropy(exact, target)
loss = LigerCrossEntropyFunction.apply(x, target, None, -100, Number(0), Number(0), "mean")[0]
for turn in ("first", "second"):
    wanted = torch.autograd.grad(true, exact, retain_graph=True)[0]
    found = torch.autograd.grad(2 * loss, x, retain_graph=True)[0]
    print(f"{turn} backward: off by {(found - wanted).abs().max():.1e}")
