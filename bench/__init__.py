"""The benchmark: mocksrv beside a bare Flask app, on one machine, in one run. `python -m bench --help`."""
