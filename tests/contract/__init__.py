"""SDKs as they are against the running server. Helpers explain failures as tests do."""

import pytest

pytest.register_assert_rewrite(
    "tests.contract.browser", "tests.contract.calls", "tests.contract.people", "tests.contract.recorder"
)
