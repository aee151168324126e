"""Pictures beside a bundle's pages: found by a page's relative `src`, stored, and served under the challenge."""

from pathlib import Path, PurePosixPath
from posixpath import normpath
from urllib.parse import quote, unquote, urlsplit

from medici_bundles.reader import Bundle
from medici_bundles.secrecy import overlap, secret_refs
from medici_platform.storage import Storage, StoredFile

PICTURE_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
"""Formats that carry no script."""
MAX_PICTURE_BYTES = 10 * 1024**2


def picture_type(path: str) -> str | None:
    return PICTURE_TYPES.get(PurePosixPath(path).suffix.lower())


class Pictures:
    """Those that the pages of one bundle show."""

    def __init__(self, bundle: Bundle, storage: Storage, slug: str) -> None:
        self.files: dict[str, StoredFile] = {}
        """Path in the bundle → the stored picture."""
        self.remarks: list[str] = []
        self._bundle = bundle
        self._storage = storage
        self._slug = slug
        self._secrets = [secret.ref for secret in secret_refs(bundle.definition)]

    def address(self, page: str, src: str) -> str | None:
        """Where a page's picture is served. None, and a remark, when it cannot be."""
        path = normpath((PurePosixPath(page).parent / unquote(urlsplit(src).path)).as_posix())
        if path not in self.files:
            wrong = self._wrong(path)
            if wrong:
                self.remarks.append(f"{page}: the picture {src} is not shown: {wrong}")
                return None
            self.files[path] = self._storage.store_bytes((self._bundle.folder / path).read_bytes())
        return f"/challenges/{self._slug}/files/{quote(path)}"

    def _wrong(self, path: str) -> str:
        if path.startswith("..") or "\0" in path:
            return "it lies outside the bundle"
        place = Path(self._bundle.folder, path)
        if not place.is_file() or not place.resolve().is_relative_to(self._bundle.folder.resolve()):
            return "the bundle does not hold it"
        if picture_type(path) is None:
            return "it is no PNG, JPEG, GIF or WebP"
        if place.stat().st_size > MAX_PICTURE_BYTES:
            return f"it is larger than {MAX_PICTURE_BYTES // 1024**2} MiB"
        if any(overlap(path, secret) for secret in self._secrets):
            return "it lies among data that are kept from participants"
        return ""
