"""The version of Fairway: of its packages, and of the contract at `GET /openapi.json`."""

VERSION = "0.2.0"
