"""What happened: the statistics of one request, the counts of all of them, and how operators see
both.

In:      plain numbers from every stage.
Out:     log lines, metrics and spans.
Unknown: any value of a request, tokens, callers.

    request_stats      what is known about one request
    statement_id       the id of a statement, which Postgres and the log show
    logs               one line per request, and errors without tokens
    log_lines          the two forms of a line: JSON and text
    fast_log_handler   lines written some at a time
    tracing            spans of OpenTelemetry
    counters           what this process has counted
    shared_counters    the counts of several processes, in shared memory
    metrics            the table of metrics, and the pages they are made of
    prometheus         metrics as text
"""
