"""Re-encodes a photo from outside: only what the pixels show comes through.

Image decoders read hostile input in C. So `photos_service` runs this module as a child process of its own
(`python -m sliproad.features.commissioning.photo_encoding < photo > answer`), without our environment, with little memory and
time; whatever happens to it happens to it alone. The answer is a line of JSON, and after it the JPEG.
"""

import io
import json
import resource
import sys

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

MOST_PIXELS = 64_000_000
LONGEST_SIDE = 4096
JPEG_QUALITY = 85
MEMORY_BYTES = 2 * 1024**3
CPU_SECONDS = 20
SHRUNK_FIRST = frozenset({"RGB", "RGBA", "L", "CMYK"})
"""Modes in which neighbouring pixels can be averaged as they are; all that follows then needs less memory."""
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")


class UnusablePhoto(Exception):
    """Why it is not taken; completes the sentence "photo …"."""


def reencode(data: bytes) -> tuple[bytes, int, int]:
    """A JPEG upright, in sRGB, without metadata, at most `LONGEST_SIDE` long; and its width and height.

    Raises:
        UnusablePhoto: not a JPEG, PNG, WebP or HEIC image, damaged, or with more than `MOST_PIXELS`.
    """
    register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None  # the size is looked at below, before any pixel is decoded
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        raise UnusablePhoto("is not a JPEG, PNG, WebP or HEIC image") from None
    if image.width * image.height > MOST_PIXELS:
        raise UnusablePhoto(f"has more than {MOST_PIXELS // 1_000_000} megapixels")
    try:
        image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        image.load()
        if image.mode in SHRUNK_FIRST:
            image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        image = _in_srgb(ImageOps.exif_transpose(image))
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError):
        raise UnusablePhoto("is damaged: it can't be read to its end") from None
    image.info = {}  # saving would write a comment or profile from there
    made = io.BytesIO()
    image.save(made, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return made.getvalue(), image.width, image.height


def _in_srgb(image: Image.Image) -> Image.Image:
    """The colours of its own profile as every screen shows them; what is transparent becomes white."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # 16 bits a pixel
        image = image.point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    if profile and image.mode in {"RGB", "CMYK"}:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            image = converted or image
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile that can't be read says nothing about the colours
    return image.convert("RGB")


def main() -> None:
    """Photo in, answer out; see the module."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        jpeg, width, height = reencode(sys.stdin.buffer.read())
        head: dict[str, int | str] = {"width": width, "height": height}
    except UnusablePhoto as error:
        jpeg, head = b"", {"unusable": str(error)}
    except MemoryError:
        jpeg, head = b"", {"unusable": "needs too much memory to be read"}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + jpeg)


if __name__ == "__main__":
    main()
