"""A client of Fairway's HTTP API, and `fairway`, which uses it on the command line.

client = Client("http://127.0.0.1:8000", "fw_...")
dataset = client.dataset("Receipts")
batch = client.upload(dataset["id"], [Path("a.pdf"), Path("b.jpg")])
for files in client.follow(dataset["id"], batch["id"]):
    print([file["state"] for file in files])
"""

from __future__ import annotations

from fairway_client.access import NoAccess, connect
from fairway_client.client import Client, ExportFailed, Refused, describe, is_settled
from fairway_client.webhooks import NotGenuine, verified

__all__ = [
    "Client",
    "ExportFailed",
    "NoAccess",
    "NotGenuine",
    "Refused",
    "connect",
    "describe",
    "is_settled",
    "verified",
]
