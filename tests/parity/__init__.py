"""What fivetrex can do, done here: every function that its documentation lists, one by one."""

import pytest

# Before they are imported: a case that fails is to say what it saw, as a test does.
pytest.register_assert_rewrite("parity.cases")
