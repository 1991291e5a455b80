"""The package as its users have it: the built wheel in an environment with what it needs, and no more."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


def run(*command: object, cwd: Path) -> str:
    """What it prints. It must end well."""
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def installed(folder: Path, *how: object) -> Path:
    """The environment's Python; `how` goes to the installer, such as a file of versions to hold to."""
    source, environment = folder / "source", folder / "environment"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wheel = source / run(sys.executable, "-c", BUILD, source, cwd=source).splitlines()[-1]
    run(sys.executable, "-m", "venv", environment, cwd=folder)
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    python = environment / "bin" / "python"
    install = (
        [uv, "pip", "install", "--compile-bytecode", "--python", python]
        if uv
        else [python, "-m", "pip", "install"]
    )
    run(*install, "-q", *how, wheel, cwd=folder)
    return python
