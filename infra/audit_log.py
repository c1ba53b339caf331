"""Checks an exported audit log without a server.

python -m infra.audit_log audit-log.jsonl
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from layers.domain.audit_log import first_broken


def main(path: str) -> int:
    """Print whether the chain is intact. Returns 1 if it is not, 2 if the file is no export."""
    try:
        lines = [json.loads(line) for line in Path(path).read_text().splitlines() if line.strip()]
        broken = first_broken(lines)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{path} can't be read as entries of an audit log: {error!r}", file=sys.stderr)
        return 2
    if broken is not None:
        print(f"entry {broken} was changed, or the entry before it is missing")
        return 1
    last = f"; the last is {lines[-1]['number']} with the hash {lines[-1]['hash']}" if lines else ""
    print(f"{len(lines)} entries are intact{last}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    raise SystemExit(main(sys.argv[1]))
