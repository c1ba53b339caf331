"""Deletes the files of bodies whose rows were deleted."""

from __future__ import annotations

from infra.local.objects.body_files import BodyFiles
from infra.local.objects.disk import NoSpace
from infra.local.objects.transactions import Change, Transactions

FILES_AT_ONCE = 1000


def collect(bodies: BodyFiles, transactions: Transactions) -> None:
    """Delete the files whose rows are gone."""
    rows = transactions.reader().execute("SELECT file_name FROM garbage LIMIT ?", (FILES_AT_ONCE,))
    names = [row[0] for row in rows]
    if not names:
        return
    for name in names:
        bodies.delete(name)
    transactions.change(
        lambda connection: connection.executemany("DELETE FROM garbage WHERE file_name = ?", [(n,) for n in names])
    )


def delete(bodies: BodyFiles, transactions: Transactions, change: Change) -> None:
    """Carry out a change that deletes rows, and delete their files. On a full disk it uses the reserved space."""
    try:
        transactions.change(change)
    except NoSpace:
        bodies.release_reserve()
        transactions.change(change)
    collect(bodies, transactions)
    bodies.refill_reserve()
