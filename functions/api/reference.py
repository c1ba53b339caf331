"""Writes the contract down.

python -m functions.api.reference openapi > schema/openapi.json
"""

from __future__ import annotations

import json

from functions.api.entry import contract


def openapi_text() -> str:
    return json.dumps(contract(), indent=2, sort_keys=True, ensure_ascii=False)


if __name__ == "__main__":
    print(openapi_text())
