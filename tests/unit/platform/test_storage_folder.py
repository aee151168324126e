"""A storage that cannot be there is told in a sentence."""

import pytest

from medici_platform.storage import Storage, StorageUnusable


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    sentence = r"The storage \S+/file/x cannot be used \(Not a directory\): name another folder in MEDICI_STORAGE_DIR\."
    with pytest.raises(StorageUnusable, match=sentence):
        Storage(tmp_path / "file" / "x")
