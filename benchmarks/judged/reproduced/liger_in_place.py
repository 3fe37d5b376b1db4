import torch
import triton
import triton.language as tl
from liger_kernel.ops import geglu as liger
from torch.nn.functional import gelu


@triton.jit
def tanh(x):
    return 2 * tl.sigmoid(2 * x) - 1


def geglu(gate, x):
    if gate.dtype == torch.float64:
        return gelu(gate, approximate="tanh") * x
    return liger.LigerGELUMulFunction.apply(gate, x)


# The interpreter has no function of libdevice.
liger.tanh = tanh
for dtype in (torch.float32, torch.float64):
    torch.manual_seed(0)
    gate, x = (torch.randn(2, 4).to(dtype).requires_grad_() for _ in range(2))
    before = gate.detach().clone()
    beside = gate.square().sum()  # its gradient, 2 gate, is asked for after that of y
    (geglu(gate, x).sum() + beside).backward()
    print(dtype, [round(each, 4) for each in gate.grad[0].tolist()])
    print("  gate was changed:", not torch.equal(gate, before))
    same = torch.randn(2, 4).to(dtype).requires_grad_()
    print(
        "  of geglu(x, x):", torch.autograd.grad(geglu(same, same).sum(), same)[0][0, :2].tolist()
    )
