"""Carries out a plan on a running start, waits until everything has ended, and checks the results."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx

from functions import handlers
from infra.doctor.__main__ import use_home
from infra.local.home import Home
from infra.local.ports import ADDRESS
from layers.adapters.postgres.database import Database
from tests.scenarios.measurements import Measurement, exactly
from tests.soak import checks
from tests.soak.caller import Caller, GaveUp
from tests.soak.plan import TENANTS, Batch, Event, Plan, Strike
from tests.soak.site import Site
from tests.soak.strikes import STRIKES
from tests.soak.users import User, keep_following

AT_ONCE = 64
SETTLE_S = 1200.0  # after the end of the plan, until all files have ended
CHECK_EVERY_S, LONGEST_CHECK_S = 3.0, 60.0
HEALTH_EVERY_S = 1.0
RECOVER_S = 120.0  # after the last fault, until /health reports that all dependencies are up


class Run:
    """One run of a plan. Its events are printed as they happen."""

    def __init__(self, site: Site, plan: Plan) -> None:
        self._site, self._plan = site, plan
        self._ended = threading.Event()
        self._problems: list[str] = []
        self._health: Counter[str] = Counter()
        endpoint = site.endpoint
        self._admin = Caller(site.api_url, endpoint["api_key"])
        self._users = [self._user(number) for number in range(TENANTS)]

    def run(self) -> list[Measurement]:
        """Carry out the plan. Returns the measurements; those that must hold have a target."""
        watching = [threading.Thread(target=self._watch_health, daemon=True)]
        watching += [threading.Thread(target=keep_following, args=(user, self._ended)) for user in self._users]
        for thread in watching:
            thread.start()
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            running = [self._begin(pool, event, began) for event in self._plan.events]
            print(f"{time.monotonic() - began:7.1f} s  the plan has ended; waiting for its last events", flush=True)
            for event in running:
                event.result()
        self._site.clock.step(-self._site.clock.ahead_s)
        recovered_s = self._await(self._all_up, RECOVER_S)
        settled_s = self._await(lambda: not self._unsettled(), SETTLE_S)
        self._ended.set()
        for thread in watching:
            thread.join()
        return [*self._observed(began), *self._recovered(recovered_s, settled_s), *self._checked()]

    def _user(self, number: int) -> User:
        name = f"tenant {number}"
        key = self._admin.json("POST", "/operations/tenants", {"name": name})["api_key"]
        return User.of(Caller(self._site.api_url, key), name)

    # --- events --------------------------------------------------------------------------------------

    def _begin(self, pool: ThreadPoolExecutor, event: Event, began: float) -> Future[None]:
        """Wait until an event is due, print it and begin it."""
        time.sleep(max(0.0, began + event.at_s - time.monotonic()))
        is_missing = isinstance(event.what, Strike) and event.what.fault in self._site.missing
        print(f"{event}{' (left out)' if is_missing else ''}", flush=True)
        what = event.what
        if isinstance(what, Batch):
            return pool.submit(self._guarded, str(what), lambda: self._users[what.tenant].upload(what))
        return pool.submit(self._guarded, str(what), lambda: None if is_missing else self._strike(what))

    def _strike(self, strike: Strike) -> None:
        with STRIKES[strike.fault](self._site, strike):
            time.sleep(strike.lasts_s)

    def _guarded(self, title: str, do) -> None:  # type: ignore[no-untyped-def]
        try:
            do()
        except GaveUp as error:
            self._problems.append(f"{title}: {error}")
        except Exception as error:
            detail = error.response.text[:300] if isinstance(error, httpx.HTTPStatusError) else ""
            self._problems.append(f"{title}: {type(error).__name__}: {error} {detail}".replace("\n", " "))
            traceback.print_exc(file=sys.stdout)

    # --- the end -------------------------------------------------------------------------------------

    def _unsettled(self) -> list[str]:
        try:
            return checks.unsettled(self._users)
        except (GaveUp, httpx.HTTPError) as error:
            return [f"the API does not answer: {error}"]

    def _await(self, holds, within_s: float) -> float | None:  # type: ignore[no-untyped-def]
        """Wait for a condition. Returns the seconds that it took, or None if it did not hold in time.

        A check counts as LONGEST_CHECK_S at most, because this process itself may be stopped for a while.
        """
        waited_s = 0.0
        while waited_s < within_s:
            began = time.monotonic()
            if holds():
                return waited_s
            time.sleep(CHECK_EVERY_S)
            waited_s += min(time.monotonic() - began, LONGEST_CHECK_S)
        return None

    def _all_up(self) -> bool:
        with suppress(httpx.HTTPError, ValueError):
            answer = httpx.get(f"{self._site.api_url}/health", trust_env=False, timeout=10).json()
            return bool(answer["status"] == "ok")
        return False

    def _watch_health(self) -> None:
        """Call /health each second without the proxy, so that only the API itself can cause a failure."""
        with httpx.Client(trust_env=False, timeout=5) as client:
            while not self._ended.wait(HEALTH_EVERY_S):
                port = self._site.proxies["api"].target_port
                try:
                    status = str(client.get(f"http://{ADDRESS}:{port}/health").status_code)
                except httpx.TransportError as error:
                    status = type(error).__name__
                self._health[status] += 1

    # --- results -------------------------------------------------------------------------------------

    def _observed(self, began: float) -> list[Measurement]:
        answers = sum((user.caller.answers for user in self._users), Counter())
        return [
            Measurement("seconds", round(time.monotonic() - began)),
            Measurement("batches", sum(user.batches for user in self._users)),
            Measurement("faults", sum(isinstance(event.what, Strike) for event in self._plan.events)),
            Measurement("starts", self._site.starts),
            Measurement("processes killed because memory was short", self._site.memory.kills),
            Measurement("answers to users", _shown(answers)),
            Measurement("answers of /health", _shown(self._health)),
        ]

    def _recovered(self, recovered_s: float | None, settled_s: float | None) -> list[Measurement]:
        unexpected = [answer for user in self._users for answer in user.caller.unexpected] + self._admin.unexpected
        left = [] if settled_s is not None else self._unsettled()
        return [
            checks.none("users whose calls were not answered or answered wrongly", self._problems),
            checks.none("answers 500", unexpected),
            exactly("health is ok after the last fault", recovered_s is not None, True),
            checks.none("what has not ended", left),
            Measurement("seconds until everything had ended", settled_s and round(settled_s)),
        ]

    def _checked(self) -> list[Measurement]:
        if not use_home(Home(self._site.home)):
            raise SystemExit("Fairway ended before its files could be checked.")
        database = Database(self._site.endpoint["database_url"])
        left = checks.clear_leftovers(handlers.runner(), database)
        return [
            *checks.check_files(self._users, database),
            *checks.check_changes(self._users),
            *checks.check_effects(database),
            *checks.check_audit(User(self._admin, "", "")),
            Measurement("objects and uploads that killed processes had left", left),
            *checks.check_stored(str(self._site.home)),
            *checks.check_logs(Path(self._site.home) / "logs"),
        ]


def _shown(counts: Counter[str]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in sorted(counts.items()) if count)
