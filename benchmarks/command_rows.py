"""What `glassnet train mnist` and `train fashion_mnist` obtain: three seeds each, stored in results/command.

python -m benchmarks.command_rows   (the data folder is named by GLASSNET_DATA, or the sets are downloaded)
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "glassnet train {name} --layers 128,128 --optimizer adam --epochs 10"


def main() -> None:
    """Run both commands and write their records."""
    for name in ("mnist", "fashion_mnist"):
        command, runs = COMMAND.format(name=name), []
        for seed in range(3):
            with tempfile.TemporaryDirectory() as folder:
                options = [*command.split()[1:], "--seed", str(seed), "--out", f"{folder}/run", "--json"]
                done = subprocess.run(
                    [sys.executable, "-m", "glassnet", *options], capture_output=True, text=True, check=True
                )
            record = json.loads(done.stdout)
            runs.append({key: record[key] for key in ("settings", "seconds", "results")})
            print(name, seed, record["results"], flush=True)
        path = ROOT / "results" / "command" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"command": command, "runs": runs}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
