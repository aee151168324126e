class ImageBuildFailed(Exception):  # errors are facts
    """A curated image could not be made; the sentence says what is missing and what to do."""


class PackagesNotFound(ImageBuildFailed):
    """The package indexes of this machine do not give what an image needs."""
