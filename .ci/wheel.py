"""Says what of the package and its scenarios is missing in a wheel: ``python .ci/wheel.py FILE``."""

import sys
import zipfile
from pathlib import Path

with zipfile.ZipFile(sys.argv[1]) as wheel:
    packed = set(wheel.namelist())
wanted = {f"mocksrv/{file.as_posix()}" for file in Path("scenarios").rglob("*.yaml")}
wanted |= {file.as_posix() for file in Path("mocksrv").rglob("*") if file.is_file() and "__pycache__" not in file.parts}
missing = sorted(wanted - packed)
sys.exit(f"not in the wheel: {', '.join(missing)}" if missing else 0)
