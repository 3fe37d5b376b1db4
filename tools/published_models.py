"""Published models, and how one sample is given to each: what tools/shipped_layers.py counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Model:
    """A model: its name, how it is built without weights, how it is called on one sample."""

    name: str
    build: Callable[[], Any]
    call: Callable[[Any], object]


def _timm() -> Iterator[Model]:
    import timm
    import torch

    def call(model: Any) -> object:
        return model(torch.zeros(1, *model.pretrained_cfg["input_size"]))

    for name in timm.list_models():
        yield Model(name, partial(timm.create_model, name), call)


def _torchvision() -> Iterator[Model]:
    import torch
    from torchvision import models

    def image(model: Any, *, size: int) -> object:
        # Some are built for another size than their best weights are.
        size = getattr(model, "image_size", size)
        return model(torch.zeros(1, 3, size, size))

    def clip(model: Any, *, size: int) -> object:
        return model(torch.zeros(1, 3, 16, size, size))

    def image_list(model: Any, *, size: int) -> object:
        return model([torch.zeros(3, size, size)])

    def image_pair(model: Any, *, size: int) -> object:
        return model(torch.zeros(1, 3, size, size), torch.zeros(1, 3, size, size))

    # Without weights_backbone=None some fetch weights of their backbone.
    no_backbone = {"weights_backbone": None}
    for module, call, usual, options in (
        (models, image, 224, {}),
        (models.segmentation, image, 520, no_backbone),
        (models.video, clip, 112, {}),
        (models.detection, image_list, 800, no_backbone),
        (models.optical_flow, image_pair, 520, {}),
    ):
        for name in models.list_models(module=module):
            preset = models.get_model_weights(name).DEFAULT.transforms()
            size = getattr(preset, "crop_size", [usual])[0]
            build = partial(models.get_model, name, weights=None, **options)
            yield Model(name, build, partial(call, size=size))


_WAVE = {"input_values": (1, 16_000)}
_WAVE_OF_ONE_CHANNEL = {"input_values": (1, 1, 24_000)}
_START = {"decoder_input_ids": (1, 1)}
#: The audio models of transformers, and the shapes of what each takes: some seconds of sound as
#: samples or as a spectrogram.
_AUDIO: Mapping[str, Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "ASTModel": {"input_values": (1, 1024, 128)},
        "ClapAudioModel": {"input_features": (1, 1, 1001, 64)},
        "DacModel": _WAVE_OF_ONE_CHANNEL,
        "Data2VecAudioModel": _WAVE,
        "EncodecModel": _WAVE_OF_ONE_CHANNEL,
        "FastSpeech2ConformerHifiGan": {"spectrogram": (1, 100, 80)},
        "FastSpeech2ConformerModel": {"input_ids": (1, 16)},
        "HubertModel": _WAVE,
        "MimiModel": _WAVE_OF_ONE_CHANNEL,
        "MoonshineModel": {**_WAVE, **_START},
        "ParakeetEncoder": {"input_features": (1, 100, 80)},
        "SEWDModel": _WAVE,
        "SEWModel": _WAVE,
        "SeamlessM4TModel": {"input_features": (1, 100, 160), **_START},
        "SeamlessM4Tv2Model": {"input_features": (1, 100, 160), **_START},
        "Speech2TextModel": {"input_features": (1, 100, 80), **_START},
        "SpeechT5ForSpeechToText": {**_WAVE, **_START},
        "SpeechT5HifiGan": {"spectrogram": (1, 100, 80)},
        "UniSpeechModel": _WAVE,
        "UniSpeechSatModel": _WAVE,
        "UnivNetModel": {"input_features": (1, 100, 100)},
        "VitsModel": {"input_ids": (1, 16)},
        "Wav2Vec2BertModel": {"input_features": (1, 100, 160)},
        "Wav2Vec2ConformerModel": _WAVE,
        "Wav2Vec2Model": _WAVE,
        "WavLMModel": _WAVE,
        "WhisperModel": {"input_features": (1, 80, 3000), **_START},
    }
)


def _transformers() -> Iterator[Model]:
    import torch
    import transformers

    def build(name: str) -> Any:
        model = getattr(transformers, name)
        return model(model.config_class())

    def call(model: Any, *, shapes: Mapping[str, tuple[int, ...]]) -> object:
        types = {name: torch.long if name.endswith("ids") else torch.float32 for name in shapes}
        return model(**{name: torch.zeros(shapes[name], dtype=types[name]) for name in shapes})

    for name, shapes in _AUDIO.items():
        yield Model(name, partial(build, name), partial(call, shapes=shapes))


_VOLUME: Mapping[str, Any] = MappingProxyType({"spatial_dims": 3, "in_channels": 1})
_LABELS: Mapping[str, Any] = MappingProxyType({**_VOLUME, "out_channels": 2})
_STEPS: Mapping[str, Any] = MappingProxyType({"channels": (16, 32, 64, 128), "strides": (2, 2, 2)})
#: The 3-d networks of MONAI, and what each asks for when it is built.
_VOLUMETRIC: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "AHNet": {"spatial_dims": 3, "upsample_mode": "trilinear", "psp_block_num": 3},
        "AttentionUnet": {**_LABELS, **_STEPS},
        "BasicUNet": _LABELS,
        "BasicUNetPlusPlus": _LABELS,
        "DenseNet121": _LABELS,
        "DynUNet": {
            **_LABELS,
            "kernel_size": (3, 3, 3, 3),
            "strides": (1, 2, 2, 2),
            "upsample_kernel_size": (2, 2, 2),
        },
        "HighResNet": _LABELS,
        "MedNeXtS": _LABELS,
        "SEResNet50": {**_VOLUME, "num_classes": 2},
        "SegResNet": _LABELS,
        "SegResNetDS": _LABELS,
        "SwinUNETR": _LABELS,
        "UNETR": {"in_channels": 1, "out_channels": 2, "img_size": 96},
        "UNet": {**_LABELS, **_STEPS},
        "VNet": _LABELS,
        "ViT": {"in_channels": 1, "img_size": 96, "patch_size": 16},
        "resnet18": {"spatial_dims": 3, "n_input_channels": 1},
        "resnet50": {"spatial_dims": 3, "n_input_channels": 1},
    }
)


def _monai() -> Iterator[Model]:
    import torch
    from monai.networks import nets

    def call(model: Any) -> object:
        return model(torch.zeros(1, 1, 96, 96, 96))

    for name, options in _VOLUMETRIC.items():
        yield Model(name, partial(getattr(nets, name), **options), call)


def _segmentation() -> Iterator[Model]:
    import segmentation_models_pytorch
    import torch

    def call(model: Any) -> object:
        return model(torch.zeros(1, 3, 224, 224))

    for name, model in segmentation_models_pytorch.MODEL_ARCHITECTURES_MAPPING.items():
        yield Model(name, partial(model, encoder_weights=None), call)


#: The packages, by the name that pip knows, and the models of each.
SOURCES: Mapping[str, Callable[[], Iterator[Model]]] = MappingProxyType(
    {
        "timm": _timm,
        "torchvision": _torchvision,
        "transformers": _transformers,
        "monai": _monai,
        "segmentation-models-pytorch": _segmentation,
    }
)
