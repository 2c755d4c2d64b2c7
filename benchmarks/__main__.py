"""Runs benchmarks by name, all of them without a name: ``python -m benchmarks [--json] [NAME …]``.

Each is a module of this folder whose ``run`` yields results and whose docstring says what is claimed.
"""

import argparse
import importlib
import json
from dataclasses import asdict

from benchmarks.harness import machine, table

NAMES = ("startup", "capture", "persons", "insights", "squash", "erasure", "cohorts", "storage")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of tables")
    arguments = parser.parse_args()
    modules = [importlib.import_module(f"benchmarks.{name}") for name in arguments.names or NAMES]
    found = {
        module.__name__.removeprefix("benchmarks."): (module.__doc__ or "", list(module.run()))
        for module in modules
    }
    if arguments.json:
        figures = {name: [asdict(result) for result in results] for name, (_, results) in found.items()}
        print(json.dumps({"machine": machine(), "results": figures}))
        return
    print("\n".join(f"{name}: {value}" for name, value in machine().items()))
    for name, (claim, results) in found.items():
        print(f"\n## {name}\n\n{claim.strip()}\n\n{table(results)}")


if __name__ == "__main__":
    main()
