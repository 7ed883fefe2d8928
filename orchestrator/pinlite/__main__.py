import sys

from pinlite.cli.main import main

sys.exit(main())
