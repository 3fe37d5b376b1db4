import torch
from trinix.kernels.rope_kernel import TritonRoPEFunction


def turned(x, cos, sin):
    first, second = x.chunk(2, -1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


torch.manual_seed(0)
q, k = (torch.randn(1, 3, 2, 8, requires_grad=True) for _ in range(2))
cos, sin = torch.randn(3, 4), torch.randn(3, 4)
exact = q.detach().double().requires_grad_()
true = turned(exact, cos.double(), sin.double())
for name, given in (("ones", torch.ones(1, 3, 2, 8)), ("one number, expanded", torch.ones(1))):
    bar = given.expand(1, 3, 2, 8)
    y = TritonRoPEFunction.apply(q, k, cos, sin)[0]
    x_bar = torch.autograd.grad(y, q, bar)[0]
    wanted = torch.autograd.grad(true, exact, bar.double(), retain_graph=True)[0]
    wrong = ~((x_bar - wanted).abs() < 1e-5)
    print(f"gradient of {name}:", "wrong" if wrong.any() else "right")
