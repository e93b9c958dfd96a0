# The room's public names, loaded when they are first asked for.
from .nwb import import_nwb as import_nwb
from .nwb_out import export_nwb as export_nwb
from .sonata import import_sonata as import_sonata
from .sonata_out import export_sonata as export_sonata
