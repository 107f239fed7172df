"""The tuned model as a graph of few and quick steps, with eight-bit weights: what answers children."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from encoder.network import FAR, Layer, Tuned

_OPSET = 17


class _Attention(torch.autograd.Function):
    """onnxruntime's own step for attention; outside of a graph it is not used."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, here: Tensor, heads: int) -> Tensor:
        return x

    @staticmethod
    def symbolic(g: Any, x: Any, weight: Any, bias: Any, here: Any, heads: int) -> Any:
        return g.op("com.microsoft::Attention", x, weight, bias, here, num_heads_i=heads).setType(x.type())


class _AllAsk(nn.Module):
    """A layer in which each piece of a message looks at all of them."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer
        three = (layer.query, layer.key, layer.value)
        self.weight = nn.Parameter(torch.cat([part.weight for part in three]).T.contiguous())
        self.bias = nn.Parameter(torch.cat([part.bias for part in three]))

    def forward(self, x: Tensor, here: Tensor) -> Tensor:
        seen = _Attention.apply(x, self.weight, self.bias, here.to(torch.int32), self.layer.heads)
        return self.layer.answer(x, seen, 0.0)


class _MeanAsks(nn.Module):
    """A layer that is asked once for a message: what a key or value is for each piece is not worked out.

    A question times the keys is the question in the keys' weights times the pieces, and the mean of values is the value
    of the mean: the same sums in another order. A key's bias weighs on all pieces alike, so it changes nothing.
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer
        width, heads = layer.key.in_features, layer.heads
        # Ones where a place belongs to a head.
        self.register_buffer("heads", torch.eye(heads).repeat_interleave(width // heads, dim=1))
        self.keys = nn.Parameter(layer.key.weight / (width // heads) ** 0.5)

    def forward(self, mean: Tensor, x: Tensor, here: Tensor) -> Tensor:
        layer = self.layer
        asked = (layer.query(mean)[:, None, :] * self.heads) @ self.keys
        looked = torch.softmax(asked @ x.transpose(1, 2) + (1.0 - here)[:, None, :] * FAR, dim=-1) @ x
        seen = (looked @ layer.value.weight.T * self.heads).sum(1) + layer.value.bias
        return layer.answer(mean, seen, 0.0)


class Graph(nn.Module):
    """What `Tuned` answers, in steps that onnxruntime has ready."""

    def __init__(self, model: Tuned) -> None:
        super().__init__()
        self.model = model
        *first, last = model.body.layers
        self.first, self.last = nn.ModuleList(map(_AllAsk, first)), _MeanAsks(last)

    def forward(self, ids: Tensor, here: Tensor) -> Tensor:
        x = self.model.body.begin(ids)
        for layer in self.first:
            x = layer(x, here)
        return self.model.answer(self.last(self.model.body.mean(x, here), x, here))


def save(model: Tuned, classes: Sequence[str], temperature: float, folder: Path) -> None:
    """Eight-bit weights, and what they answer."""
    whole = folder / "whole.onnx"
    ids, here = torch.full((2, 5), 3), torch.ones(2, 5)
    free = {"ids": {0: "lines", 1: "pieces"}, "here": {0: "lines", 1: "pieces"}, "scores": {0: "lines"}}
    torch.onnx.export(
        Graph(model).eval(), (ids, here), str(whole), input_names=["ids", "here"], output_names=["scores"],
        dynamic_axes=free, dynamo=False, opset_version=_OPSET, custom_opsets={"com.microsoft": 1},
    )  # fmt: skip
    # Unsigned: with signed weights a processor without VNNI cuts sums off, and reads otherwise than others.
    quantize_dynamic(
        whole, folder / "encoder.onnx", weight_type=QuantType.QUInt8, per_channel=True,
        extra_options={"WeightSymmetric": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
    )  # fmt: skip
    whole.unlink()
    about = {"classes": list(classes), "temperature": temperature}
    (folder / "encoder.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
