"""Reads invitations and other entries of calendars (RFC 5545) as lines of text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

MAX_LINES = 20_000
FOLD = re.compile(r"\r?\n[ \t]")
ESCAPED = re.compile(r"\\([\\;,nN])")
TIME = re.compile(r"^(\d{8})(?:T(\d{6})(Z?))?$")
ENTRIES = {"VEVENT", "VTODO", "VJOURNAL"}
NAMES = {
    "SUMMARY": "Event",
    "DTSTART": "Start",
    "DTEND": "End",
    "DUE": "Due",
    "LOCATION": "Location",
    "ORGANIZER": "Organizer",
    "ATTENDEE": "Attendee",
    "STATUS": "Status",
    "URL": "Link",
    "DESCRIPTION": "Description",
}


def as_text(content: str) -> str:
    """Each entry as lines such as `Start: 2024-03-20 09:00 UTC`, with a blank line between entries."""
    entries: list[list[str]] = []
    within: list[str] = []
    for name, parameters, value in _properties(content):
        if name == "BEGIN":
            within.append(value.upper())
            if value.upper() in ENTRIES:
                entries.append([])
        elif name == "END":
            within = within[:-1]
        elif name in NAMES and entries and within and within[-1] in ENTRIES:
            entries[-1].append(f"{NAMES[name]}: {_shown(name, parameters, value)}")
    return "\n\n".join("\n".join(lines) for lines in entries if lines)


def _properties(content: str) -> Iterator[tuple[str, str, str]]:
    """Name in upper case, parameters, value."""
    for line in FOLD.sub("", content).splitlines()[:MAX_LINES]:
        head, mark, value = line.partition(":")
        quoted = head.count('"') % 2
        while mark and quoted:  # a colon inside a quoted parameter
            more, mark, value = value.partition(":")
            head = f"{head}:{more}"
            quoted = head.count('"') % 2
        name, _, parameters = head.partition(";")
        if mark:
            yield name.strip().upper(), parameters, value


def _shown(name: str, parameters: str, value: str) -> str:
    if name in ("ORGANIZER", "ATTENDEE"):
        address = re.sub(r"(?i)^mailto:", "", value.strip())
        person = re.search(r'(?i)(?:^|;)CN=(?:"([^"]*)"|([^;]*))', parameters)
        return f"{person[1] or person[2]} <{address}>" if person and (person[1] or person[2]) else address
    if (found := TIME.match(value.strip())) and (shown := _time(found, parameters)):
        return shown
    return ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value).strip()


def _time(found: re.Match[str], parameters: str) -> str:
    try:
        day = datetime.strptime(found[1], "%Y%m%d").date().isoformat()
        if not found[2]:
            return day
        time = datetime.strptime(found[2], "%H%M%S").strftime("%H:%M")
    except ValueError:
        return ""
    zone = re.search(r"(?i)(?:^|;)TZID=([^;]+)", parameters)
    return " ".join(part for part in (day, time, "UTC" if found[3] else zone[1] if zone else "") if part)
