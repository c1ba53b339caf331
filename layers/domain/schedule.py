"""When scheduled work is due, in the notations of several schedulers. All times are in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


@dataclass(frozen=True, slots=True)
class When:
    """Each minute or, with an `hour`, once a day; with a `weekday` (0 is Monday) once a week."""

    hour: int | None = None
    minute: int = 0
    weekday: int | None = None

    def last(self, now: datetime) -> datetime:
        """The latest time at or before `now` at which it was due."""
        if self.hour is None:
            return now.replace(second=0, microsecond=0)
        today = now.replace(hour=self.hour, minute=self.minute, second=0, microsecond=0)
        if self.weekday is None:
            return today if today <= now else today - timedelta(days=1)
        due = today - timedelta(days=(now.weekday() - self.weekday) % 7)
        return due if due <= now else due - timedelta(days=7)

    @property
    def as_cron(self) -> str:
        """As in a crontab, and for Kubernetes."""
        if self.hour is None:
            return "* * * * *"
        weekday = "*" if self.weekday is None else WEEKDAYS[self.weekday]
        return f"{self.minute} {self.hour} * * {weekday}"

    @property
    def as_eventbridge(self) -> str:
        if self.hour is None:
            return "rate(1 minute)"
        days = "* * ?" if self.weekday is None else f"? * {WEEKDAYS[self.weekday]}"
        return f"cron({self.minute} {self.hour} {days} *)"

    @property
    def as_quartz(self) -> str:
        """For DolphinScheduler: with seconds in front and years at the end."""
        if self.hour is None:
            return "0 * * * * ? *"
        days = "* * ?" if self.weekday is None else f"? * {WEEKDAYS[self.weekday]}"
        return f"0 {self.minute} {self.hour} {days} *"
