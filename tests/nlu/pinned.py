"""In the dialogue engine's Python, for test_encoder.py: what the encoder takes some lines for, and how sure it is."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "nlu"))

from components.encoder import Encoder

encoder = Encoder()
found = []
for text in json.load(sys.stdin):
    likely = encoder.read([text])[0]
    best = int(likely.argmax())
    found.append([encoder.classes[best], round(float(likely[best]), 3)])
print(json.dumps(found))
