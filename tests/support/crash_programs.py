"""Servers for crash tests: one with a slow disk, and two with a mistake that the tests have to find."""

SLOW_DISK_SERVER = """
import random, sys, time
from demo.cli.main import main
from demo.journal import Journal
flush = Journal._flush
def late(self):
    time.sleep(random.uniform(0.005, 0.03))
    flush(self)
Journal._flush = late
"""
"""A disk that takes its time: the moments between an answer and its entry, if there are any, are met more often."""

ANSWERS_BEFORE_WRITE_SERVER = (
    SLOW_DISK_SERVER
    + """
import asyncio
from demo.conductor.persistence import JournalWriter
async def persist(self, urgent):
    asyncio.ensure_future(self._context.journal.append(()))
JournalWriter.persist = persist
"""
)
"""A server that answers before the journal is written: the crash test has to find it out."""

RUNS_COMMANDS_TWICE_SERVER = (
    SLOW_DISK_SERVER
    + """
from demo.conductor import Conductor
submit = Conductor.submit
async def again(self, command):
    await submit(self, command)
    return await submit(self, command)
Conductor.submit = again
"""
)
"""A server that carries every command out twice."""
