"""Files of others: opened inside one folder alone, unpacked within limits, read as tables whatever wrote them."""
