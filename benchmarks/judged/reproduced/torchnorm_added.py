import torch
from torch.nn.functional import rms_norm
from torchnorm._triton import fused_add_rms_norm

torch.manual_seed(0)
x, residual = (torch.randn(4, 64, requires_grad=True) for _ in range(2))
weight = torch.randn(64, requires_grad=True)
y, total = fused_add_rms_norm(x, residual, weight, 1e-6)
print("sum is off by", (total - (x + residual)).abs().max().item())
for name, results in (("y alone", (y,)), ("y and the sum", (y, total))):
    exact = [each.detach().double().requires_grad_() for each in (x, residual, weight)]
    h = exact[0] + exact[1]
    wanted = (rms_norm(h, (64,), exact[2], 1e-6), h)[: len(results)]
    bars = [torch.randn(4, 64) for _ in results]
    x_bar = torch.autograd.grad(results, x, bars, retain_graph=True)[0]
    x_true = torch.autograd.grad(wanted, exact[0], [each.double() for each in bars])[0]
    print(f"gradient of {name}: x_bar is off by", (x_bar - x_true).abs().max().item())
