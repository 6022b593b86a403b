"""``python -m mocksrv`` is ``mocksrv``."""

from mocksrv.cli import main

main(prog_name="mocksrv")
