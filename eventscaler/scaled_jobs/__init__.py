"""One ScaledJob, one round: list its Jobs, read its triggers, decide, delete, start, report.

`making` says what a Job looks like, `store` lists, starts and deletes them, `rounds` is a round,
`report` and `events` turn its outcome into status and Events.
"""
