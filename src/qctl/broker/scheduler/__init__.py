"""Schedules (cron and interval), and delayed jobs that become due."""
