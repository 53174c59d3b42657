"""Job functions: one module per queue, plain functions with JSON arguments, named in `catalog/builtin.py`.

A worker imports them by dotted path and calls them with keyword arguments. While a job runs, the worker adds its
`jobId`, `traceId` and `userId` to every log line, so these functions log only their own `event`.
"""
