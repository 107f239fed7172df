"""What is tuned: layers of the base model under our question, and how their inner products are thinned."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from components.encoder import DANGER_MARK, LONGEST
from torch import Tensor, nn
from torch.nn import functional

from encoder.packed import Base

# How much the answer about danger alone weighs beside the classes: it knows danger in a question, they what is asked.
ALARM = 0.5
# What is added where there is no piece to look at.
FAR = -1e4
_LEAST = 1e-6


class Layer(nn.Module):
    def __init__(self, base: Base, number: int) -> None:
        super().__init__()
        width, inner = base.width, base.inner
        self.heads = base.heads
        names = {"query": "q", "key": "k", "value": "v", "out": "ao", "widen": "fi", "narrow": "fo"}
        for name, short in names.items():
            rows, columns = {"widen": (inner, width), "narrow": (width, inner)}.get(name, (width, width))
            linear = nn.Linear(columns, rows)
            linear.weight.data = base.packed(f"l{number}.{short}.w", rows, columns)
            linear.bias.data = base.floats(f"l{number}.{short}.b", rows)
            setattr(self, name, linear)
        self.after_attention = _norm(base, f"l{number}.aln")
        self.after_all = _norm(base, f"l{number}.oln")

    def forward(self, asking: Tensor, x: Tensor, mask: Tensor, drop: float) -> Tensor:
        """The states that ask, after they have looked at all states of their message."""
        width = x.shape[2]

        def split(y: Tensor) -> Tensor:
            return y.view(y.shape[0], y.shape[1], self.heads, width // self.heads).transpose(1, 2)

        query, key, value = split(self.query(asking)), split(self.key(x)), split(self.value(x))
        weights = torch.softmax(query @ key.transpose(2, 3) / (width // self.heads) ** 0.5 + mask, dim=-1)
        return self.answer(asking, (weights @ value).transpose(1, 2).reshape(asking.shape), drop)

    def answer(self, asking: Tensor, seen: Tensor, drop: float) -> Tensor:
        """The states that asked, with what they have seen."""
        asking = self.after_attention(asking + functional.dropout(self.out(seen), drop, self.training))
        inner = self.narrow(functional.gelu(self.widen(asking)))
        return self.after_all(asking + functional.dropout(inner, drop, self.training))

    def thin(self, said: Tensor, inner: int) -> None:
        """Keep those inner products that weigh most in what comes out; `said`: how large each is on the mean."""
        best = (said * self.narrow.weight.norm(dim=0)).topk(inner).indices.sort().values
        for linear, dim in ((self.widen, 0), (self.narrow, 1)):
            linear.weight.data = linear.weight.data.index_select(dim, best)
        self.widen.bias.data = self.widen.bias.data[best]


def _norm(base: Base, name: str) -> nn.LayerNorm:
    norm = nn.LayerNorm(base.width, base.epsilon)
    norm.weight.data, norm.bias.data = base.floats(f"{name}.w", base.width), base.floats(f"{name}.b", base.width)
    return norm


class Body(nn.Module):
    """Pieces in, one state for the message out: the mean of the last ones, or of those before the last layer.

    In that second way, ours, only the mean asks the last layer, which then costs a sixth.
    """

    def __init__(self, base: Base, layers: int, kept: Sequence[int], mean_asks: bool) -> None:
        super().__init__()
        self.mean_asks = mean_asks
        words = base.packed("emb.word", base.vocabulary, base.width)[list(kept)]
        # The words stay where they are: those that no training line has must keep their neighbours.
        self.words = nn.Embedding.from_pretrained(words, freeze=True)
        kind = base.floats("emb.type", base.types, base.width)[0]
        self.positions = nn.Parameter(base.floats("emb.pos", base.positions, base.width)[: LONGEST + 2] + kind)
        self.norm = _norm(base, "emb.ln")
        self.layers = nn.ModuleList(Layer(base, number) for number in range(layers))

    def forward(self, ids: Tensor, here: Tensor, drop: float = 0.0) -> Tensor:
        x = self.begin(ids)
        mask = (1.0 - here)[:, None, None, :] * FAR
        for layer in list(self.layers)[: len(self.layers) - self.mean_asks]:
            x = layer(x, x, mask, drop)
        mean = self.mean(x, here)
        if self.mean_asks:
            mean = self.layers[-1](mean[:, None], x, mask, drop)[:, 0]
        return mean

    def begin(self, ids: Tensor) -> Tensor:
        """The state of each piece before the first layer."""
        begun: Tensor = self.norm(self.words(ids) + self.positions[: ids.shape[1]])
        return begun

    @staticmethod
    def mean(x: Tensor, here: Tensor) -> Tensor:
        return (x * here[:, :, None]).sum(1) / here.sum(1, keepdim=True)


class Tuned(nn.Module):
    """The body with our question, danger asked for alone, and the place, which is only asked while it learns."""

    def __init__(self, body: Body, classes: Sequence[str]) -> None:
        super().__init__()
        self.body = body
        width = body.words.embedding_dim
        self.asked = nn.Linear(width, len(classes))
        self.alarm, self.place = nn.Linear(width, 1), nn.Linear(width, width)
        self.register_buffer("dangerous", torch.tensor([float(name.endswith(DANGER_MARK)) for name in classes]))

    def forward(self, ids: Tensor, here: Tensor) -> Tensor:
        """The logarithm of how likely each class is; between danger and none the alarm has a say."""
        return self.answer(self.body(ids, here))

    def answer(self, mean: Tensor) -> Tensor:
        """The same, of a message's state."""
        likely = torch.softmax(self.asked(mean), dim=1)
        danger = (likely * self.dangerous).sum(1).clamp(_LEAST, 1 - _LEAST)
        shift = ALARM * (self.alarm(mean)[:, 0] - torch.log(danger / (1 - danger)))
        return torch.log_softmax(torch.log(likely.clamp(min=_LEAST)) + shift[:, None] * self.dangerous, dim=1)
