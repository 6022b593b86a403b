"""What is logged keeps nobody waiting."""

from __future__ import annotations

import logging
import os

from mocksrv.web.hosting.log import PatientHandler


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("mocksrv", logging.ERROR, __file__, 1, text, (), None)


def test_records_are_written_in_their_order() -> None:
    reading, writing = os.pipe()
    handler = PatientHandler(writing)
    for text in ("one", "two"):
        handler.handle(record(text))
    handler.flush()
    os.close(writing)
    assert os.read(reading, 100) == b"one\ntwo\n"
    os.close(reading)


def test_a_pipe_that_nobody_reads_costs_records_and_says_how_many() -> None:
    reading, writing = os.pipe()
    handler = PatientHandler(writing, most=2)
    for _ in range(60):
        handler.handle(record("x" * 4000))
    read = b""
    handler.handle(record("last"))
    while b"more were not logged" not in read:
        read += os.read(reading, 65536)
        handler.handle(record("last"))
    assert b"x" * 4000 in read
    os.close(reading)
    os.close(writing)
