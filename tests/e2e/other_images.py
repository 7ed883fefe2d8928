"""pinlite with another folder of image recipes: other_images.py FOLDER ARGUMENTS..."""

import sys
from pathlib import Path

from pinlite.cli.main import main
from pinlite.machine import folders

folders.IMAGES = Path(sys.argv.pop(1))
sys.exit(main())
