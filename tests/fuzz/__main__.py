"""Coverage-guided fuzzing of the file readers: `python -m tests.fuzz SECONDS [READER ...]`.

A finding is a file out/fuzz/READER/crash-... (or timeout-, oom-); once fixed, add it to tests/fuzz/corpus/READER.
"""

import subprocess
import sys
import warnings
from pathlib import Path

OUT = Path("out/fuzz")
SLOWEST, MEMORY = 5, 3000
"""Time limit of one input in seconds, and memory limit of the process in MiB, including torch."""


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one reader in this process, which libFuzzer terminates."""
    import atheris

    with atheris.instrument_imports(include=["ioadapt_theory"]):
        from tests.fuzz.readers import CORPUS, attempt

    found, work = OUT / name, OUT / "work" / name
    for folder in (found, work):
        folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    limits = [f"-max_total_time={seconds}", f"-timeout={SLOWEST}", f"-rss_limit_mb={MEMORY}", "-max_len=4096"]
    folders = [f"-artifact_prefix={found}/", str(found), str(CORPUS / name)]  # new inputs go to the first folder
    atheris.Setup(["fuzz", "-verbosity=0", *limits, *folders], lambda data: attempt(name, data, work))
    atheris.Fuzz()


def main(seconds: int, *names: str) -> int:
    """Fuzz each reader in a separate process, for an equal share of the time."""
    from tests.fuzz.readers import READERS

    names, command = names or tuple(READERS), [sys.executable, "-m", "tests.fuzz", "--one"]
    share = str(max(seconds // len(names), 1))
    failed = [name for name in names if subprocess.run([*command, name, share], check=False).returncode]
    print(f"defects: {', '.join(failed) or 'none'}")
    return bool(failed)


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        fuzz(sys.argv[2], int(sys.argv[3]))
    raise SystemExit(main(int(sys.argv[1]), *sys.argv[2:]))
