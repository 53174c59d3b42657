"""Access to private parts of libraries. Each module is pinned, checked at import, and has a public fallback."""
