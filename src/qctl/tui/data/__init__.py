"""Data that the monitor's screens show: loading, caching and refreshing."""
