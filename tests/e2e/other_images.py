"""pinlite with another folder of image recipes: other_images.py FOLDER ARGUMENTS..."""

import sys
from pathlib import Path

from pinlite import images
from pinlite.cli.main import main

images.FOLDER = Path(sys.argv.pop(1))
sys.exit(main())
