"""Named sets of real layers: what is checked there is what people run.

Shapes are those of the papers at batch 1, each distinct layer once: He et al. 2016 (ResNet),
Simonyan and Zisserman 2015 (VGG), Krizhevsky 2014 (AlexNet, one tower), Sandler et al. 2018
(MobileNet-V2), Szegedy et al. 2016 (Inception), Cicek et al. 2016 (3-d U-Net),
van den Oord et al. 2016 (WaveNet).
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

# Each line: input size, input channels, output channels, kernel, stride, padding (groups).
_RESNET_18 = """
    224 3 64 7 2 3    56 64 64 3 1 1     56 64 128 3 2 1   56 64 128 1 2 0   28 128 128 3 1 1
    28 128 256 3 2 1  28 128 256 1 2 0   14 256 256 3 1 1  14 256 512 3 2 1  14 256 512 1 2 0
    7 512 512 3 1 1
"""
_RESNET_50 = """
    224 3 64 7 2 3     56 64 64 1 1 0      56 64 64 3 1 1      56 64 256 1 1 0     56 256 64 1 1 0
    56 256 128 1 1 0   56 128 128 3 2 1    28 128 512 1 1 0    56 256 512 1 2 0    28 512 128 1 1 0
    28 128 128 3 1 1   28 512 256 1 1 0    28 256 256 3 2 1    14 256 1024 1 1 0   28 512 1024 1 2 0
    14 1024 256 1 1 0  14 256 256 3 1 1    14 1024 512 1 1 0   14 512 512 3 2 1    7 512 2048 1 1 0
    14 1024 2048 1 2 0 7 2048 512 1 1 0    7 512 512 3 1 1
"""
_VGG_16 = """
    224 3 64 3 1 1    224 64 64 3 1 1   112 64 128 3 1 1  112 128 128 3 1 1  56 128 256 3 1 1
    56 256 256 3 1 1  28 256 512 3 1 1  28 512 512 3 1 1  14 512 512 3 1 1
"""
_ALEXNET = "224 3 64 11 4 2  27 64 192 5 1 2  13 192 384 3 1 1  13 384 256 3 1 1  13 256 256 3 1 1"
_POOLS = MappingProxyType(
    {
        "resnet18": (("max", 112, 64, 3, 2, 1), ("avg", 7, 512, 7, 1, 0)),
        "resnet50": (("max", 112, 64, 3, 2, 1), ("avg", 7, 2048, 7, 1, 0)),
        "vgg16": (
            ("max", 224, 64, 2, 2, 0),
            ("max", 112, 128, 2, 2, 0),
            ("max", 56, 256, 2, 2, 0),
            ("max", 28, 512, 2, 2, 0),
            ("max", 14, 512, 2, 2, 0),
        ),
        "alexnet": (
            ("max", 55, 64, 3, 2, 0),
            ("max", 27, 192, 3, 2, 0),
            ("max", 13, 256, 3, 2, 0),
        ),
        "inception": (
            ("max", 147, 64, 3, 2, 0),
            ("avg", 35, 192, 3, 1, 1),
            ("avg", 17, 768, 3, 1, 1),
            ("avg", 8, 1280, 3, 1, 1),
        ),
    }
)
# Size, channels, stride of the depthwise 3x3 layers; the pointwise ones around them follow.
_MOBILENET_DEPTHWISE = (
    (112, 32, 1), (112, 96, 2), (56, 144, 1), (56, 144, 2), (28, 192, 1), (28, 192, 2),
    (14, 384, 1), (14, 576, 1), (14, 576, 2), (7, 960, 1),
)  # fmt: skip
_MOBILENET_POINTWISE = (
    (112, 32, 16), (112, 16, 96), (56, 96, 24), (56, 24, 144), (56, 144, 24), (28, 144, 32),
    (28, 32, 192), (28, 192, 32), (14, 192, 64), (14, 64, 384), (14, 384, 64), (14, 384, 96),
    (14, 96, 576), (14, 576, 96), (7, 576, 160), (7, 160, 960), (7, 960, 160), (7, 960, 320),
    (7, 320, 1280),
)  # fmt: skip
# Size, input and output channels, kernel height and width of Inception's factorised layers.
_INCEPTION = (
    (17, 128, 128, 1, 7), (17, 128, 128, 7, 1), (17, 128, 192, 1, 7), (17, 160, 160, 7, 1),
    (17, 192, 192, 1, 7), (17, 192, 192, 7, 1), (8, 384, 384, 1, 3), (8, 384, 384, 3, 1),
)  # fmt: skip


def layer_sets() -> tuple[str, ...]:
    """Names of the sets.

    >>> "mobilenet-v2" in layer_sets()
    True
    """
    return tuple(_SETS)


def layers(name: str, operation: str) -> tuple[str, ...]:
    """Descriptors of the layers of a set that are of this operation, as in case texts.

    Examples
    --------
    >>> layers("alexnet", "conv2d")[0]
    'n1ic3ih224iw224oc64kh11kw11sh4sw4ph2pw2'
    >>> layers("alexnet", "conv3d")
    ()
    """
    return tuple(text for kind, text in _SETS[name]() if kind == operation)


def _square(table: str) -> Iterator[tuple[str, str]]:
    numbers = [int(word) for word in table.split()]
    for at in range(0, len(numbers), 6):
        i, ic, oc, k, s, p = numbers[at : at + 6]
        yield "conv2d", _conv2d(i, ic, oc, k, k, s, p, p)


def _conv2d(
    i: int, ic: int, oc: int, kh: int, kw: int, s: int, ph: int, pw: int, g: int = 1
) -> str:
    groups = f"g{g}" if g > 1 else ""
    return f"{groups}n1ic{ic}ih{i}iw{i}oc{oc}kh{kh}kw{kw}sh{s}sw{s}ph{ph}pw{pw}"


def _pools(name: str) -> Iterator[tuple[str, str]]:
    for kind, i, c, k, s, p in _POOLS[name]:
        yield f"{kind}_pool2d", f"n1ic{c}ih{i}iw{i}kh{k}kw{k}sh{s}sw{s}ph{p}pw{p}"


def _resnet18() -> Iterator[tuple[str, str]]:
    yield from _square(_RESNET_18)
    yield from _pools("resnet18")


def _resnet50() -> Iterator[tuple[str, str]]:
    yield from _square(_RESNET_50)
    yield from _pools("resnet50")


def _vgg16() -> Iterator[tuple[str, str]]:
    yield from _square(_VGG_16)
    yield from _pools("vgg16")


def _alexnet() -> Iterator[tuple[str, str]]:
    yield from _square(_ALEXNET)
    yield from _pools("alexnet")


def _mobilenet() -> Iterator[tuple[str, str]]:
    yield "conv2d", _conv2d(224, 3, 32, 3, 3, 2, 1, 1)
    for i, c, s in _MOBILENET_DEPTHWISE:
        yield "conv2d", _conv2d(i, c, c, 3, 3, s, 1, 1, g=c)
    for i, ic, oc in _MOBILENET_POINTWISE:
        yield "conv2d", _conv2d(i, ic, oc, 1, 1, 1, 0, 0)


def _inception() -> Iterator[tuple[str, str]]:
    for i, ic, oc, kh, kw in _INCEPTION:
        yield "conv2d", _conv2d(i, ic, oc, kh, kw, 1, kh // 2, kw // 2)
    yield from _pools("inception")


def _unet3d() -> Iterator[tuple[str, str]]:
    for i, ic, oc in ((32, 3, 32), (32, 32, 64), (16, 64, 64), (16, 64, 128), (8, 128, 256)):
        yield "conv3d", f"n1ic{ic}id{i}ih{i}iw{i}oc{oc}kd3kh3kw3pd1ph1pw1"
    for i, c in ((32, 64), (16, 128), (8, 256)):
        yield "max_pool3d", f"n1ic{c}id{i}ih{i}iw{i}kd2kh2kw2sd2sh2sw2"


def _wavenet() -> Iterator[tuple[str, str]]:
    yield "conv1d", "n1ic1iw1024oc32kw2"
    for exponent in range(10):
        yield "conv1d", f"n1ic32iw2048oc64kw2dw{2**exponent}"
    yield "conv1d", "n1ic32iw1024oc256kw1"
    yield "conv1d", "n1ic256iw1024oc256kw1"


_SETS = MappingProxyType(
    {
        "resnet18": _resnet18,
        "resnet50": _resnet50,
        "vgg16": _vgg16,
        "alexnet": _alexnet,
        "mobilenet-v2": _mobilenet,
        "inception": _inception,
        "unet3d": _unet3d,
        "wavenet": _wavenet,
    }
)
