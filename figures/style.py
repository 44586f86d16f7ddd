"""The look of the figures, as figure modules import it; it is defined in ``toys.style`` because toys draw too."""

from toys.style import FAINT as FAINT
from toys.style import FROZEN as FROZEN
from toys.style import FULL_WIDTH as FULL_WIDTH
from toys.style import HIDDEN as HIDDEN
from toys.style import INK as INK
from toys.style import INPUTS as INPUTS
from toys.style import LABELS as LABELS
from toys.style import LEARNABLE as LEARNABLE
from toys.style import MARKERS as MARKERS
from toys.style import METHODS as METHODS
from toys.style import OUTPUTS as OUTPUTS
from toys.style import STYLE as STYLE
from toys.style import styled as styled
from toys.style import write as write
