"""Every error that this package raises on purpose.

Each message is one line: what was expected, what arrived, what to do. They are also ValueErrors, RuntimeErrors or
ImportErrors, so that code that knows nothing of this package still catches them where it would expect to.
"""

from importlib.util import find_spec


class VisionBananaError(Exception):
    """Root of all errors raised on purpose; a command prints it as one line and exits with 2."""


class FrameError(VisionBananaError, ValueError):
    """An input image, its camera or its header cannot be used."""


class InstructionError(VisionBananaError, ValueError):
    """An instruction, a prompt text or a palette contradicts itself or cannot be understood."""


class CodecError(VisionBananaError, ValueError):
    """Values cannot be painted, or a canvas has not the type or shape of one."""


class GeneratorError(VisionBananaError, RuntimeError):
    """A generator cannot be loaded or does not do what its contract promises."""


class DataError(VisionBananaError, ValueError):
    """A file on disk is missing, damaged or of another layout than expected."""


class MissingExtraError(VisionBananaError, ImportError):
    """An optional dependency is needed for what was asked."""

    def __init__(self, *, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed: "
            f"run  pip install 'vision_banana_ros[{extra}]'"
        )


def require_package(package: str, *, extra: str, purpose: str) -> None:
    """Raise a MissingExtraError unless `package` is installed; it is not imported."""
    if find_spec(package) is None:
        raise MissingExtraError(package=package, extra=extra, purpose=purpose)
