"""What numbers in settings may be, for annotations such as `threads: Count | None`: see `cascade.checked`."""

from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=1)]
Natural = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Part = Annotated[float, Meta(gt=0, le=1)]
"""A share of something that is not nothing."""
Below = Annotated[float, Meta(ge=0, lt=1)]
"""A share of something that is not all."""
Seed = Annotated[int, Meta(ge=0, lt=2**32)]
FOLDER_NAME = r"^(?!.*(?:^|/)\.{0,2}(?:/|$)).+$"
"""Of a folder below another one, in one part or several; it leads nowhere else."""
Gray = Annotated[int, Meta(ge=0, le=255)]
