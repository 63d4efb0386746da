"""mmpretrain 1.2 beside transformers 5.

Where transformers is installed, mmpretrain derives its models of images and texts from classes that transformers 5 no
longer has, so that `import mmpretrain` fails. The suite uses none of these models: mmpretrain, which asks
importlib_metadata when it is first imported, is told that transformers is not there.
"""

from importlib.util import find_spec


def import_mmpretrain() -> None:
    """Import mmpretrain so; it is left alone where either of the two is not installed."""
    if not (find_spec("mmpretrain") and find_spec("transformers")):
        return
    import importlib_metadata  # mmpretrain needs it

    distribution = importlib_metadata.distribution

    def without_transformers(package: str) -> importlib_metadata.Distribution:
        if package == "transformers":
            raise importlib_metadata.PackageNotFoundError(package)
        return distribution(package)

    importlib_metadata.distribution = without_transformers
    try:
        import mmpretrain  # noqa: F401
    finally:
        importlib_metadata.distribution = distribution


import_mmpretrain()
