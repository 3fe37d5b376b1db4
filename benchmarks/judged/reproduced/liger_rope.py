import torch
from liger_kernel.ops.rope import LigerRopeFunction


def turned(q, cos, sin):
    first, second = q.chunk(2, -1)
    return q * cos + torch.cat((-second, first), -1) * sin


torch.manual_seed(0)
leaf = torch.randn(1, 3, 2, 8)  # as projected: batch, steps, heads, width
cos, sin = (torch.randn(1, 3, 4).repeat(1, 1, 2) for _ in range(2))
bar = torch.randn(1, 2, 3, 8)
for dtype, rope in ((torch.float32, None), (torch.float64, turned)):
    x = leaf.detach().to(dtype).clone().requires_grad_()
    q = (2 * x).transpose(1, 2)
    c, s = cos.to(dtype), sin.to(dtype)
    if rope is None:
        y = LigerRopeFunction.apply(q.clone(), q.detach().clone(), c, s)[0]
    else:
        y = rope(q, c, s)
    # The sum hands one gradient to both of its terms.
    (y + q).backward(bar.transpose(1, 2).contiguous().transpose(1, 2).to(dtype))
    print(dtype, x.grad[0, 0, 0, :4].tolist())
