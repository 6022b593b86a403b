"""What is shipped: the wheel, the source archive, the image, the one-word commands."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import mocksrv

ROOT = Path(__file__).parents[1]
SCENARIOS = [file.relative_to(ROOT).as_posix() for file in ROOT.glob("scenarios/**/*.yaml")]
MODULES_AND_DATA = [
    file.relative_to(ROOT).as_posix()
    for file in ROOT.glob("mocksrv/**/*")
    if file.suffix in {".py", ".json", ".yaml", ".html", ".css", ".js", ".svg"}
]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheel and the source archive of this checkout."""
    directory = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(directory), "-t", "wheel", "-t", "sdist"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert built.returncode == 0, built.stderr
    return directory


@pytest.mark.slow
def test_the_wheel_holds_the_package_its_data_and_the_bundled_scenarios(archives: Path) -> None:
    with zipfile.ZipFile(archives / f"mocksrv-{mocksrv.__version__}-py3-none-any.whl") as wheel:
        packed = set(wheel.namelist())
    assert SCENARIOS
    assert set(MODULES_AND_DATA) <= packed
    assert {f"mocksrv/{name}" for name in SCENARIOS} <= packed
    assert {name.split("/")[0] for name in packed} == {"mocksrv", f"mocksrv-{mocksrv.__version__}.dist-info"}


@pytest.mark.slow
def test_the_source_archive_holds_what_the_wheel_is_made_of(archives: Path) -> None:
    with tarfile.open(archives / f"mocksrv-{mocksrv.__version__}.tar.gz") as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", *MODULES_AND_DATA, *SCENARIOS} <= packed


@pytest.mark.parametrize("word", ["serve", "demo", "test", "test-all", "lint", "bench", "lock", "clean"])
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make: install it with the system's packages")
def test_one_word_commands_exist(word: str, tmp_path: Path) -> None:
    planned = subprocess.run(
        ["make", "--dry-run", word, f"VENV={tmp_path}/venv"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert planned.returncode == 0, planned.stderr
