"""`vision-banana COMMAND`: finds the command, turns errors into one line and an exit code.

Exit codes: 0 done; 1 done, but the result is a failure (a gate missed, an engine that fails its check); 2 an error in
what was asked or found, told in one line; 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from vision_banana_ros import __version__
from vision_banana_ros.commands import COMMANDS
from vision_banana_ros.core import VisionBananaError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its module is imported only now, so that `image` never waits for what `render` needs."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="vision-banana", description="See with one camera and one image generator.")
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = next((word for word in arguments if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary)
        if name == asked:
            module = importlib.import_module(f"vision_banana_ros.commands.{name}")
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    try:
        parsed = parser.parse_args(arguments)
        return int(parsed.run(parsed))
    except (VisionBananaError, OSError) as error:
        print(f"vision-banana: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("vision-banana: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
