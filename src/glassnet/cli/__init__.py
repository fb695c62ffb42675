"""L7, the command line: thin; every command calls the public library.

`app`        the commands and their options
`sources`    the data that commands name: digits, mnist, toy sets, CSV files
`recipe`     the network and training of `glassnet train`
`training`   `glassnet train` from the data shown to the run kept
`runs`       the folder in which a run is kept
`prediction` what a kept run says: predictions, an explained step, a gradient check
`render`     images and numbers as text that any terminal can show
`tell`       `glassnet show`: an op or layer from its contract
`kernels`    `glassnet kernels show`: the compiled step of a network
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """The `glassnet` command."""
    from glassnet.cli.app import run

    raise SystemExit(run())
