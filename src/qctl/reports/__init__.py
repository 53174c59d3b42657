"""Reports: what is in one, and how it is written as CSV, JSON, and a page with charts that opens offline."""
