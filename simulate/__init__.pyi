# The stage's public names, loaded when they are first asked for.
from .cell.models.taking import take_cell as take_cell
from .cell.outline import outline as outline
from .config import Simulation as Simulation
from .cores import available_cores as available_cores
from .elsewhere.arrays import from_arrays as from_arrays
from .engine.interface import Integration as Integration
from .neuronio.importing import import_neuronio as import_neuronio
from .presets import preset as preset
from .run.dataset import simulate as simulate
from .run.live import LiveTrials as LiveTrials
from .run.noise_floor import noise_floor as noise_floor
from .schema.input_error import InputError as InputError
from .schema.reading import open_dataset as open_dataset
from .schema.reading import output_spike_bins as output_spike_bins
from .validation.validate import validate as validate
