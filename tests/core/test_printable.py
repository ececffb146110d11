from __future__ import annotations

import pytest

from pipeline.core.errors import SlipwayError
from pipeline.core.printable import one_line


@pytest.mark.parametrize(
    "code",
    ["\x1b[34m", "\x1b[1;31m", "\x1b[0K", "\x1b[?25l", "\x1b]0;title\x07", "\x1b]8;;x\x1b\\",
     "\x1b(B", "\x1bM", "\x1b="],
)  # fmt: skip
def test_what_a_terminal_would_do_is_no_part_of_a_message(code: str) -> None:
    assert one_line(ValueError(f"{code}train: {code}\nno labels")) == "train: no labels"
    assert SlipwayError(f"{code}train").message == "train"
