"""The built wheel, alone in a fresh environment, has all it needs: it runs the demo from an empty folder."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from cvo import __version__

ROOT = Path(__file__).parents[2]
POLICIES = {"mens", "womens", "nobody", "random", "learned"}
FIGURE = {"estimate", "standard_error", "interval"}
DIFFERENCES = {"difference_to_nobody", "difference_to_best_single"}
OTHERS = {name: value for name, value in os.environ.items() if not name.startswith(("CVO_", "PYTHON"))}


@pytest.fixture(scope="module")
def cvo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, install it with what it declares, and return the `cvo` command."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT), cwd=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    scripts = folder / "venv" / "bin"
    _run(str(scripts / "python"), "-m", "pip", "install", "--quiet", str(wheel), cwd=folder)
    return scripts / "cvo"


def test_it_tells_its_version(cvo: Path, tmp_path: Path) -> None:
    assert _run(str(cvo), "--version", cwd=tmp_path) == f"cvo, version {__version__}\n"


def test_it_carries_its_licence_types_and_data(cvo: Path) -> None:
    (package,) = (cvo.parents[1] / "lib").glob("python*/site-packages/cvo")
    (about,) = package.parent.glob("cvo-*.dist-info")
    assert (about / "licenses" / "LICENSE").is_file()
    assert (package / "py.typed").is_file()
    carried = {path.relative_to(ROOT / "src" / "cvo") for path in (ROOT / "src" / "cvo").rglob("*")}
    missing = [path for path in carried if "__pycache__" not in path.parts and not (package / path).exists()]
    assert not missing


def test_it_runs_the_demo_in_an_empty_folder(cvo: Path, tmp_path: Path) -> None:
    figures = json.loads(_run(str(cvo), "demo", "--json", cwd=tmp_path))
    assert figures["policies"].keys() == POLICIES
    for name, policy in figures["policies"].items():
        _check(policy)
        assert policy["effective_sample_size"] > 1_000
        assert ("arm_mean" in policy) == (name in {"mens", "womens", "nobody"})
        for difference in DIFFERENCES:
            _check(policy[difference])
    assert 31_000 < figures["evaluated_customers"] < 33_000
    assert {"margin_rate", "incrementality", "contact cost"} <= figures["assumptions"].keys()
    assert (tmp_path / "cvo-demo" / "report.html").stat().st_size > 10_000


def _check(figure: dict[str, Any]) -> None:
    assert figure.keys() >= FIGURE
    assert figure["interval"].keys() == {"low", "high", "level"}
    assert figure["interval"]["low"] <= figure["estimate"] <= figure["interval"]["high"]
    assert figure["interval"]["level"] == 0.95
    assert figure["standard_error"] >= 0


def _run(*command: str, cwd: Path) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=OTHERS, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout
