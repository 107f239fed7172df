"""In the dialogue engine's Python, for test_importer.py: the lines as we hand them on, beside Rasa's own reading."""

import copy
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "nlu"))

from components.importer import LineImporter
from rasa.shared.importers.rasa import RasaFileImporter

FOLDER = str(Path(__file__).parents[2] / "nlu" / "data" / "nlu" / "mixed")


def main() -> None:
    ours = LineImporter(training_data_paths=FOLDER)
    mine, theirs = ours.get_nlu_data("kk"), RasaFileImporter(training_data_paths=FOLDER).get_nlu_data("kk")
    count = [len(mine.training_examples), len(mine.intents)]
    line = mine.training_examples[0]
    before = line.fingerprint()
    line.set("intent", line.get("intent"))
    same = line.fingerprint()
    twin = copy.deepcopy(line)
    line.set("intent", "something else")
    found = {
        "ours": count,
        "theirs": [len(theirs.training_examples), len(theirs.intents)],
        "danger": sum(bool((e.get("metadata") or {}).get("intent", {}).get("danger")) for e in mine.training_examples),
        "read once": ours.get_nlu_data("kk") is mine,
        "copied": twin is not line,
        "unchanged": before == same,
        "changed": before != line.fingerprint(),
    }
    line.set("intent", theirs.training_examples[0].get("intent"))
    found["alike"] = mine.fingerprint() == theirs.fingerprint()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
