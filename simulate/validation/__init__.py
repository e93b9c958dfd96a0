"""Is a cell what its publication says, and is it integrated finely enough? One module for each kind of check."""

from .validate import Validation as Validation
from .validate import validate as validate
