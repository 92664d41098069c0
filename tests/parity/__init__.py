"""The features of fivetrex in this library: every function in its documentation, one by one."""

import pytest

# Before the import, so that failing cases show their values like tests do.
pytest.register_assert_rewrite("parity.cases")
