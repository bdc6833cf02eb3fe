"""A service for BentoML: it adds up, and breaks when it is asked for less than nothing."""

from __future__ import annotations

import bentoml


@bentoml.service(workers=1)
class Adder:
    """Answers with the sum of the numbers up to `n`."""

    @bentoml.api
    def predict(self, n: int) -> int:
        if n < 0:
            raise ValueError("less than nothing")
        return sum(range(n))
