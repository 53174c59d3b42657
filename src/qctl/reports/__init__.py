"""Reports, and their output as CSV, JSON, or an HTML page with charts that works offline."""
