import torch
from torch.nn.functional import layer_norm
from torchnorm._triton import fused_layer_norm

torch.manual_seed(0)
x, weights = torch.randn(2, 8), torch.randn(3, 16)
for name, weight in (("beside each other", weights[0, :8]), ("every other one", weights[0, ::2])):
    bias = torch.zeros(8)
    y = fused_layer_norm(x, weight, bias, 1e-5)
    exact = layer_norm(x.double(), (8,), weight.double(), bias.double(), 1e-5)
    print(f"weights {name}: off by {(y - exact).abs().max():.1e}")
