"""Server processes: put together, started, kept up to date, and ended.

in       the settings and the model
out      the exit status of a process that served
unknown  what a request means; how an answer is made and sent

    client_at_start  a client on standard input that is gone before the process has started
    composition      the parts of a gateway, made from its settings
    tokens           the way in by JSON Web Tokens, where the settings have one
    runtime          the event loop, open files and the garbage collector of a process
    monitoring       metrics and spans of a process
    reload           SIGHUP: files are read again
    drain            SIGTERM: running requests end, then the process
    linux_drain      a port that is closed without resetting connections
    worker           one server process
    stdio            one agent on standard input and output
    standard_files   standard input and output, read and written by threads
    supervisor       several server processes on one port
"""
