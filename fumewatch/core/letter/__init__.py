"""Letters: a notice as a text of its receiver's dialect, by Jinja2 layouts in Chinese and English.

Whatever comes from outside (names, addresses, notes) is made inert for the dialect; only a layout's
own words are markup.
"""

from fumewatch.core.letter.letter import Letter, render
from fumewatch.core.letter.style import Style
from fumewatch.core.letter.template import Templates
from fumewatch.core.letter.wording import Wording

__all__ = ["Letter", "Style", "Templates", "Wording", "render"]
