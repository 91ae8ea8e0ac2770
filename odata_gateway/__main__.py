"""`python -m odata_gateway`."""

from odata_gateway.cli import main

raise SystemExit(main())
