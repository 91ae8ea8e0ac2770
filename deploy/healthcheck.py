"""Whether the gateway in this container is alive: exit status 0 if it answers, 1 if not. Python's
own modules only: it costs little."""

import http.client
import os
import sys

PORT = int(os.environ.get("ODATA_PORT") or os.environ.get("PORT") or 3001)

try:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=2)
    connection.request("GET", "/health/liveness")
    sys.exit(connection.getresponse().status != 200)
except OSError as error:
    sys.exit(f"port {PORT}: {error}")
