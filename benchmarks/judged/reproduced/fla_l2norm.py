import torch
from fla.modules.norm.l2norm import l2norm

# One column of one row of a larger array: torch calls it contiguous, whatever its stride is.
x = torch.randn(2, 4)[:1, ::2][:, :1]
print("is contiguous:", x.is_contiguous(), "stride", x.stride())
print("torch:", tuple((x / (x.square().sum(-1, keepdim=True) + 1e-6).sqrt()).shape))
try:
    l2norm(x)
except AssertionError as error:
    print("l2norm:", repr(error))
