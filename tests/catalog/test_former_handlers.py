"""Dotted paths of handlers that earlier versions stored in Redis still lead to a function of the catalog."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from qctl import catalog

EARLIER_HANDLERS = (
    "qctl.jobs.email.alert_email",
    "qctl.jobs.email.low_stock_alert",
    "qctl.jobs.email.notification_email",
    "qctl.jobs.email.password_reset",
    "qctl.jobs.email.report_ready",
    "qctl.jobs.email.welcome_email",
    "qctl.jobs.file.cleanup_exports",
    "qctl.jobs.file.process_inventory_export",
    "qctl.jobs.file.process_inventory_import",
    "qctl.jobs.images.cleanup_images",
    "qctl.jobs.inventory.bulk_update",
    "qctl.jobs.inventory.stock_check",
    "qctl.jobs.inventory.sync_external",
    "qctl.jobs.message.process_message",
    "qctl.jobs.messages.ingest_message",
    "qctl.jobs.messages.write_messages",
    "qctl.jobs.notification.notify",
    "qctl.jobs.notification.set_notification_preference",
    "qctl.jobs.readings.ingest_reading",
    "qctl.jobs.readings.write_readings",
    "qctl.jobs.report.cleanup_reports",
    "qctl.jobs.report.generate_report",
)
"""Handlers of the catalog in version 0.1. A path that is not among `catalog.HANDLERS` needs an alias."""


def function(path: str) -> Any:
    """Import the function with a dotted path."""
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("path", EARLIER_HANDLERS)
def test_earlier_handler_is_in_the_catalog_or_has_an_alias(path: str) -> None:
    assert catalog.current_handler(path) in catalog.HANDLERS
    assert callable(function(catalog.current_handler(path)))


@pytest.mark.parametrize(("former", "current"), catalog.FORMER_HANDLERS.items())
def test_alias_leads_to_a_function_of_the_catalog(former: str, current: str) -> None:
    assert former in EARLIER_HANDLERS
    assert current in catalog.HANDLERS
    assert callable(function(current))
    assert catalog.name_of(former) == catalog.name_of(current) in catalog.JOBS


@pytest.mark.parametrize("former", catalog.FORMER_HANDLERS)
def test_former_path_is_an_alias_only(former: str) -> None:
    with pytest.raises((ImportError, AttributeError)):
        function(former)


def test_alias_is_not_the_alias_of_another() -> None:
    assert not catalog.FORMER_HANDLERS.keys() & set(catalog.FORMER_HANDLERS.values())
