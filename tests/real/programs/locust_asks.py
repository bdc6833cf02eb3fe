"""Locust's users, who ask so many times each and then stop, so that nothing is given up half way.

LOCUST_PATH, LOCUST_BODY (JSON) and LOCUST_EACH say what is asked and how often. The last user ends it.
"""

from __future__ import annotations

import json
import os
from typing import Any

import gevent
from locust import HttpUser, constant, events, stats, task
from locust.exception import StopUser

EACH = int(os.environ["LOCUST_EACH"])
PATH, BODY = os.environ["LOCUST_PATH"], json.loads(os.environ["LOCUST_BODY"])


class Asking(HttpUser):
    """Asks without a pause."""

    wait_time = constant(0)
    left = EACH

    @task
    def ask(self) -> None:
        self.client.post(PATH, json=BODY)
        self.left -= 1
        if self.left == 0:
            stopped(self.environment)
            raise StopUser


@events.test_start.add_listener
def begin(environment: Any, **_: object) -> None:
    environment.asking = environment.parsed_options.num_users


def stopped(environment: Any) -> None:
    """One user less; the last one ends the test.

    Locust writes its CSV once a second and not once more at its end: who quits at once finds too few in it.
    """
    environment.asking -= 1
    if environment.asking == 0:
        gevent.spawn_later(2 * stats.CSV_STATS_INTERVAL_SEC, environment.runner.quit)
