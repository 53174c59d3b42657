"""Contracts: one class of tests for everything that keeps the same promise."""

import pytest

pytest.register_assert_rewrite("contract.sink_contract", "contract.readings", "contract.messages")
