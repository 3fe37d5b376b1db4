import torch
from trinix.kernels.reglu_kernel import TritonReGLUFunction

torch.manual_seed(0)
x = torch.randn(3, 8, requires_grad=True)
exact = x.detach().double().requires_grad_()
first, second = exact.chunk(2, -1)
true = first * second.relu()
for name, given in (("ones", torch.ones(3, 4)), ("one number, expanded", torch.ones(1, 1))):
    bar = given.expand(3, 4)
    x_bar = torch.autograd.grad(TritonReGLUFunction.apply(x), x, bar)[0]
    wanted = torch.autograd.grad(true, exact, bar.double(), retain_graph=True)[0]
    wrong = ~((x_bar - wanted).abs() < 1e-5)
    print(f"gradient of {name}:", "wrong" if wrong.any() else "right")
