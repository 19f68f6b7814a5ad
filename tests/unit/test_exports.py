"""Exported names are a promise: to add or drop one is a decision, taken in tests/data/exports.yaml as well."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import cvo

PINNED = yaml.safe_load((Path(__file__).parents[1] / "data" / "exports.yaml").read_text(encoding="utf-8"))
HEAVY = ("alembic", "msgspec", "numba", "numpy", "polars", "rich", "scipy", "sqlalchemy", "yaml")


def packages():
    yield "cvo"
    for found in pkgutil.walk_packages(cvo.__path__, "cvo."):
        inside = found.name.startswith(("cvo.app.", "cvo.cli."))
        if found.ispkg and not inside and getattr(importlib.import_module(found.name), "__all__", None):
            yield found.name


def test_every_package_that_exports_names_is_pinned():
    assert sorted(packages()) == sorted(PINNED)


@pytest.mark.parametrize("package", PINNED)
def test_exported_names_are_the_pinned_ones_and_exist(package):
    module = importlib.import_module(package)
    exported, pinned = set(module.__all__), set(PINNED[package].split())
    assert (exported - pinned, pinned - exported) == (set(), set()), "new names, and names that are gone"
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_import_cvo_loads_nothing_heavy():
    code = f"import cvo, sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
