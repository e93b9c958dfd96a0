# The stage's public names, loaded when they are first asked for.
from .loader import Batches as Batches
from .schema import open_task as open_task
from .text import Text as Text
from .toy import toy as toy
