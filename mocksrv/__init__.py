"""mocksrv: a local sandbox server that stands in for the open-finance providers MX, Mono and Finicity."""

__version__ = "0.1.0"
