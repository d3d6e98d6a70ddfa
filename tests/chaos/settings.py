"""How long the long tier is; the Makefile hands these in (`make chaos KILLS=50 CUTS=5`)."""

import os

KILLS = int(os.environ.get("KILLS", "500"))
CUTS = int(os.environ.get("CUTS", "50"))
STOPS = int(os.environ.get("STOPS", "50"))
BROKER_KILLS = int(os.environ.get("BROKER_KILLS", "200"))
SEED = int(os.environ.get("SEED", "20261125"))
