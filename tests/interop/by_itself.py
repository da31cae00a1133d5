"""What a script does around its judgement: a folder that goes away, a line for each fault, or one that all is well, and the exit code."""

import os
import pathlib
import shutil
import sys
import tempfile

ALREADY = "in-a-namespace"


def run(judge, usage, well, needs=(), alone=None, word=None):
    """`judge` is given a folder and yields faults. `alone` is a command that runs another in a network namespace of its own, `word` what
    the script may be told."""
    words = sys.argv[1:]
    if words and words != [ALREADY if alone else word]:
        sys.exit(usage)
    for program in needs:
        if not shutil.which(program):
            sys.exit(f"{program} is not installed: run tests/setup")
    if alone and not words:
        if os.geteuid() != 0:
            sys.exit("run as root: a network namespace is made")
        os.execvp(alone[0], [*alone, sys.executable, os.path.abspath(sys.argv[0]), ALREADY])
    with tempfile.TemporaryDirectory(prefix=f"{pathlib.Path(sys.argv[0]).stem}-") as folder:
        faults = judge(pathlib.Path(folder))
    print("\n".join(f"FAILED {fault}" for fault in faults) if faults else f"ok     {well}")
    sys.exit(1 if faults else 0)
