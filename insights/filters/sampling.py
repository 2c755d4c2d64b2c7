"""A sample of the events, for a quicker answer."""

from collections.abc import Mapping
from typing import Any

from core.exceptions import InvalidInput
from core.filters.parameters import read_json


def check_sampling(given: Mapping[str, Any]) -> None:
    """``sampling_factor`` may be given; the answer is computed from everything and so is not scaled.

    Raises ``InvalidInput`` for what is no factor.
    """
    factor = read_json(given, "sampling_factor")
    if factor is None:
        return
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor <= 1:
        raise InvalidInput("Ensure this value is above 0 and at most 1.", attr="sampling_factor")
