"""Entries of `rq cron` of a site: what feeds its queue `reports`."""

from rq import cron
from siteapp import give

cron.register(give, queue_name="reports", args=(7,), interval=3600)
