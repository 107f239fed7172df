"""Make nlu/encoder/encoder.onnx: four layers of multilingual-e5-small, tuned on the training lines.

`make encoder`, 45 minutes on two cores, in an environment of its own (requirements/encoder.txt). Half of what the
tuning asks is our codes, each with danger or without; the other half is that a message as children type it (without
Kazakh letters, in Latin ones, with mistakes) lies where the whole twelve-layer model sees the clean one, so that what
that model knows of words stays. One line in twenty is kept out, to see how sure the encoder may be.
"""

from __future__ import annotations

import copy
import random
import re
import time
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from components.encoder import DANGER_MARK, FOLDER, Pieces
from components.folding import fold
from components.kinds import OPENINGS, TALK
from evaluate import training_lines
from torch import Tensor, nn
from torch.nn import functional

from encoder.graph import save
from encoder.lines import OPENING_WORDS, as_typed, batches, behind_an_opening
from encoder.network import Body, Tuned
from encoder.packed import Base, open_base

KEPT_LAYERS, LOOKED_AT = 4, 20
# How many inner products a layer keeps; the last is asked once for a message, and there little is won by fewer.
KEPT_INNER, KEPT_LAST = 384, 768
EPOCHS, RATE, HEADS_RATE, FRESHNESS = 8, 2.0e-4, 2e-3, 0.003
HELD_OUT, MOST_WEIGHT = 20, 4.0
_CYRILLIC = re.compile(r"^\u2581?[а-яёәғқңөұүһі]+$")
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


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
    return Pieces(FOLDER)


def _write_pieces(base: Base, kept: Sequence[int]) -> None:
    lines = (f"{base.pieces[i]}\t{base.scores[i]:.4f}" for i in kept)
    text = "\n".join(line.replace("\n", " ") for line in lines) + "\n"
    (FOLDER / "pieces.tsv").write_text(text, "utf-8", newline="\n")


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
    layers = list(body.layers)
    said = [torch.zeros(base.inner) for _ in layers]

    def note(number: int) -> Any:
        return lambda _, given: said[number].add_(given[0].abs().float().mean((0, 1)))

    hooks = [layer.narrow.register_forward_pre_hook(note(number)) for number, layer in enumerate(layers)]
    with torch.no_grad():
        for _, ids, here in batches([pieces.numbers(text) for text in texts[::LOOKED_AT]], pieces.pad, None):
            body(ids, here)
    for hook, layer, mean in zip(hooks, layers, said, strict=True):
        hook.remove()
        layer.thin(mean, KEPT_LAST if layer is layers[-1] else KEPT_INNER)
    return body


class Aim:
    """What the tuning asks: the right class, the right answer about danger, the place of the clean message."""

    def __init__(self, names: Sequence[str], classes: list[str], places: Tensor) -> None:
        self._right = torch.tensor([classes.index(name) for name in names])
        self._danger = torch.tensor([float(name.endswith(DANGER_MARK)) for name in names])
        self._places = places
        counts = torch.bincount(self._right, minlength=len(classes)).clamp(min=1).float()
        # Rare classes weigh more, but a handful of lines must not weigh like a hundred.
        self._weights = ((counts.mean() / counts) ** 0.5).clamp(max=MOST_WEIGHT)

    def missed_by(self, model: Tuned, group: list[int], ids: Tensor, here: Tensor) -> Tensor:
        with half():
            mean = model.body(ids, here, 0.1)
            seen = functional.dropout(mean, 0.1)
            asked, alarm, place = model.asked(seen).float(), model.alarm(seen)[:, 0].float(), model.place(mean).float()
        about = functional.cross_entropy(asked, self._right[group], weight=self._weights, label_smoothing=0.05)
        danger = functional.binary_cross_entropy_with_logits(alarm, self._danger[group])
        away = 1.0 - functional.cosine_similarity(place, self._places[group]).mean()
        return about + 1.5 * danger + 2.0 * away


def typed_anew(texts: Sequence[str], codes: Sequence[str], chance: random.Random) -> list[str]:
    """Every line as another child would type it this time."""
    openings = [
        text for text, code in zip(texts, codes, strict=True)
        if code in OPENINGS - {"goodbye"} and len(text.split()) <= OPENING_WORDS
    ]  # fmt: skip
    return [
        as_typed(text if code in TALK else behind_an_opening(text, openings, chance), chance)
        for text, code in zip(texts, codes, strict=True)
    ]


def tune(model: Tuned, pieces: Pieces, texts: Sequence[str], codes: Sequence[str], aim: Aim) -> Tuned:
    """The model after all epochs: the mean of its weights on the way, which is steadier than the last step's."""
    body = [p for p in model.body.parameters() if p.requires_grad]
    heads = [*model.asked.parameters(), *model.alarm.parameters(), *model.place.parameters()]
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": RATE}, {"params": heads, "lr": HEADS_RATE}], weight_decay=0.01
    )
    schedule = None
    # The newest weights count most.
    mean_model = copy.deepcopy(model)
    started = time.monotonic()
    for epoch in range(EPOCHS):
        chance = random.Random(100 + epoch)
        steps = list(batches([pieces.numbers(text) for text in typed_anew(texts, codes, chance)], pieces.pad, chance))
        if schedule is None:
            # Typing errors change how many steps an epoch has.
            schedule = torch.optim.lr_scheduler.OneCycleLR(
                optimizer, [RATE, HEADS_RATE], total_steps=(len(steps) + 40) * EPOCHS, pct_start=0.08, div_factor=20
            )
        model.train()
        total = 0.0
        for group, ids, here in steps:
            loss = aim.missed_by(model, group, ids, here)
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


def likeliest_temperature(classes: list[str], texts: Sequence[str], names: Sequence[str]) -> float:
    """Under which the right classes of the lines that were kept out are likeliest."""
    from components.encoder import Encoder

    likely = Encoder(FOLDER).read(texts)
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
    taught, pieces = [texts[i] for i in inside], Pieces(FOLDER)
    model = Tuned(thinned(base, pieces, kept, taught), classes)
    model = tune(model, pieces, taught, [codes[i] for i in inside], Aim([names[i] for i in inside], classes, places))
    save(model, classes, 1.0, FOLDER)
    temperature = likeliest_temperature(classes, [texts[i] for i in outside], [names[i] for i in outside])
    save(model, classes, temperature, FOLDER)


if __name__ == "__main__":
    main()
