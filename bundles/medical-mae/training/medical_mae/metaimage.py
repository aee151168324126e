"""NODE21's radiographs: MetaImage files (.mha) of two dimensions, with the data behind the header."""

import zlib
from pathlib import Path

import numpy as np
from PIL import Image

TYPES = {
    "MET_UCHAR": np.uint8,
    "MET_SHORT": np.int16,
    "MET_USHORT": np.uint16,
    "MET_INT": np.int32,
    "MET_UINT": np.uint32,
    "MET_FLOAT": np.float32,
    "MET_DOUBLE": np.float64,
}
LAST_KEY = b"ElementDataFile"


def read_metaimage(path: Path) -> Image.Image:
    """Grey values from the darkest to the brightest, in 8 bits. Raises ValueError with one sentence."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error
    header, data = _parted(path, content)
    if header.get("ElementDataFile") != "LOCAL" or header.get("NDims") != "2" or header.get("ElementType") not in TYPES:
        raise ValueError(f"{path} is no MetaImage of two dimensions with its data in the same file.")
    try:
        width, height = map(int, header["DimSize"].split())
        if header.get("CompressedData") == "True":
            data = zlib.decompress(data)
        kind = np.dtype(TYPES[header["ElementType"]]).newbyteorder(_order(header))
        values = np.frombuffer(data, kind, width * height).reshape(height, width).astype(np.float64)
    except (KeyError, ValueError, zlib.error) as error:
        raise ValueError(f"{path}: the data are not what the header says ({error}).") from error
    span = values.max() - values.min()
    return Image.fromarray(np.rint((values - values.min()) / (span or 1) * 255).astype(np.uint8))


def _parted(path: Path, content: bytes) -> tuple[dict[str, str], bytes]:
    header: dict[str, str] = {}
    while content:
        line, _, content = content.partition(b"\n")
        key, separator, value = line.partition(b"=")
        if not separator:
            break
        header[key.strip().decode("latin-1")] = value.strip().decode("latin-1")
        if key.strip() == LAST_KEY:
            return header, content
    raise ValueError(f"{path} is no MetaImage: its header does not end with ElementDataFile.")


def _order(header: dict[str, str]) -> str:
    big = header.get("BinaryDataByteOrderMSB", header.get("ElementByteOrderMSB", "False"))
    return ">" if big == "True" else "<"
