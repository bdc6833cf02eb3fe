"""A model for MLServer: it adds up, and breaks when it is asked for less than nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlserver import MLModel
from mlserver.types import InferenceResponse, ResponseOutput

if TYPE_CHECKING:
    from mlserver.types import InferenceRequest


class Adder(MLModel):
    """Answers with the sum of the numbers up to the one that it is given."""

    async def load(self) -> bool:
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        n = int(payload.inputs[0].data[0])
        if n < 0:
            raise ValueError("less than nothing")
        answer = ResponseOutput(name="sum", shape=[1], datatype="FP32", data=[float(sum(range(n)))])
        return InferenceResponse(model_name=self.name, outputs=[answer])
