"""Photos of charge points: re-encoded, stripped, upright, bounded; for their installers and their organisation alone (issue 3, part 8)."""

import io
import pathlib
import struct
import zlib
from collections.abc import AsyncIterator

import pytest
from PIL import Image, ImageCms
from pillow_heif import register_heif_opener

from reporting_site import REPORT, ReportingSite, open_reporting
from sliproad.features.commissioning.photo_encoding import MOST_PIXELS, UnusablePhoto, reencode
from sliproad.features.commissioning.photos_service import LARGEST_BYTES
from sliproad.foundation.bus import Bus
from sliproad.foundation.clock import ManualClock
from sliproad.foundation.crypto import SecretKey
from sliproad.foundation.database import Database
from workplace import assert_problem, open_workplace

SECRET_PLACE = b"51.5074 north"
ORIENTATION, GPS, MAKE = 0x0112, 0x8825, 0x010F


@pytest.fixture
async def site(
    web: Database, engine: Database, bus: Bus, clock: ManualClock, secret_key: SecretKey, tmp_path: pathlib.Path
) -> AsyncIterator[ReportingSite]:
    async with (
        open_workplace(web, engine, bus, clock, secret_key, tmp_path) as workplace,
        open_reporting(workplace) as opened,
    ):
        yield opened


@pytest.fixture(scope="module", autouse=True)
def _heif() -> None:
    register_heif_opener()


def picture(width: int = 64, height: int = 32, mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width // 2, height))
    return image.convert(mode)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def with_metadata(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKE] = orientation, "A camera that says " + SECRET_PLACE.decode()
    exif.get_ifd(GPS)[1] = "N"
    return exif


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size, and holds next to nothing: a decompression bomb's first look."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b""
    for name, data in ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")):
        chunks += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return b"\x89PNG\r\n\x1a\n" + chunks


def shown(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg), formats=("JPEG",))
    image.load()
    return image


def is_near(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) < 40 for a, b in zip(pixel, colour, strict=True))


RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_each_kind_becomes_a_jpeg_of_the_same_picture(kind: str) -> None:
    jpeg, width, height = reencode(saved(picture(), kind))
    image = shown(jpeg)
    assert (image.size, (width, height)) == ((64, 32), (64, 32))
    assert is_near(image.getpixel((4, 16)), RED)
    assert is_near(image.getpixel((60, 16)), BLUE)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_no_metadata_comes_through(kind: str) -> None:
    given = saved(picture(), kind, exif=with_metadata())
    assert SECRET_PLACE in given, "the test would prove nothing"
    jpeg, _, _ = reencode(given)
    assert SECRET_PLACE not in jpeg
    assert b"Exif" not in jpeg
    assert not shown(jpeg).getexif()
    assert set(shown(jpeg).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_comments_and_what_follows_the_picture_go() -> None:
    given = saved(picture(), "JPEG", comment=SECRET_PLACE) + SECRET_PLACE
    assert SECRET_PLACE not in reencode(given)[0]


@pytest.mark.parametrize(
    ("orientation", "size", "red"),
    [(1, (64, 32), (4, 16)), (3, (64, 32), (60, 16)), (6, (32, 64), (16, 4)), (8, (32, 64), (16, 60))],
)
def test_a_photo_is_turned_upright(orientation: int, size: tuple[int, int], red: tuple[int, int]) -> None:
    image = shown(reencode(saved(picture(), "JPEG", exif=with_metadata(orientation)))[0])
    assert image.size == size
    assert is_near(image.getpixel(red), RED)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1"])
def test_any_colours_become_those_of_a_screen(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    assert shown(reencode(saved(picture(mode=mode), kind))[0]).mode == "RGB"


def test_sixteen_bits_are_scaled() -> None:
    grey = Image.new("I;16", (8, 8), 65535)
    assert is_near(shown(reencode(saved(grey, "PNG"))[0]).getpixel((4, 4)), WHITE)


def test_what_is_transparent_becomes_white() -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert is_near(shown(reencode(saved(clear, "PNG"))[0]).getpixel((4, 4)), WHITE)


def test_a_colour_profile_is_applied_and_goes() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for given in (profile, b"not a profile"):
        image = shown(reencode(saved(picture(), "PNG", icc_profile=given))[0])
        assert is_near(image.getpixel((4, 16)), RED)
        assert "icc_profile" not in image.info


def test_a_large_photo_is_made_smaller() -> None:
    image = shown(reencode(saved(picture(6000, 3000), "JPEG"))[0])
    assert image.size == (4096, 2048)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a JPEG"),
        (b"%PDF-1.7 not a photo", "not a JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a JPEG"),
        (saved(picture(), "GIF"), "not a JPEG"),
        (saved(picture(), "TIFF"), "not a JPEG"),
        (saved(picture(), "BMP"), "not a JPEG"),
        (saved(picture(640, 320), "JPEG")[:1000], "damaged"),
        (saved(picture(640, 320), "PNG")[:300], "damaged"),
        (png_header(30_000, 30_000), "more than 64 megapixels"),
        (png_header(2_000_000, 2_000_000), "more than 64 megapixels"),
        (png_header(5000, 5000), "damaged"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
def test_what_is_no_photo_is_refused_with_a_reason(data: bytes, why: str) -> None:
    with pytest.raises(UnusablePhoto, match=why):
        reencode(data)


def test_the_limit_of_pixels_is_beyond_what_phones_make() -> None:
    assert MOST_PIXELS >= 50_000_000


async def test_an_uploaded_photo_is_downloaded_by_installer_and_organisation(site: ReportingSite) -> None:
    answer = await site.upload(saved(picture(), "HEIF", exif=with_metadata()), "IMG_0001.HEIC")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["photo_id"].startswith("pho_")
    assert (made["content_type"], made["width"], made["height"]) == ("image/jpeg", 64, 32)
    for who, path in ((site.alex, made["url"]), (site.riverside, f"/api/v1/cpo/photos/{made['photo_id']}")):
        got = await who.get(path)
        assert (got.status_code, got.headers["content-type"]) == (200, "image/jpeg"), got.text
        assert len(got.content) == made["size_bytes"]
        assert SECRET_PLACE not in got.content
        assert shown(got.content).size == (64, 32)
        assert got.headers["x-content-type-options"] == "nosniff"
    reported = await site.report(photo_urls=["https://a.example/lcd.jpg", made["photo_id"]])
    issue = (await site.riverside.get(f"/api/v1/cpo/issues/{reported['issue_id']}")).json()
    assert issue["photo_urls"] == ["https://a.example/lcd.jpg", made["photo_id"]]
    assert issue["photo_ids"] == [made["photo_id"]]


async def test_a_photo_is_nobody_elses(site: ReportingSite) -> None:
    made = (await site.upload(saved(picture(), "JPEG"))).json()
    work, photo_id = site.workplace, made["photo_id"]
    hilltop, sara = await work.organization("Hilltop"), await work.installer("Sara")
    project_id = await work.project(hilltop, sara)
    theirs = (await work.charge_point(sara, project_id))["charge_point_id"]
    owner = await work.site_owner(await work.site(site.workplace_owner), site.riverside.id)
    assert_problem(await site.here(hilltop).get(f"/api/v1/cpo/photos/{photo_id}"), 404, "not_found")
    assert_problem(await site.here(sara).get(made["url"]), 404, "not_found")
    path = f"/api/v1/installer/commissioning/{theirs}"
    assert_problem(await site.here(sara).get(f"{path}/photos/{photo_id}"), 404, "not_found")
    for path_of_ours in (made["url"], f"/api/v1/cpo/photos/{photo_id}"):
        assert_problem(await site.here(owner).get(path_of_ours), 401, "unauthorized")
        assert_problem(await site.client.get(path_of_ours), 401, "unauthorized")
    assert_problem(await site.upload(saved(picture(), "JPEG"), who=site.here(sara)), 404, "not_found")
    report = REPORT | {"photo_urls": [photo_id]}
    problem = assert_problem(await site.here(sara).post(f"{path}/report-issue", json=report), 400, "validation_error")
    assert problem["errors"][0]["field"] == "photo_urls.0"


async def test_a_photo_goes_with_its_charge_point_to_another_project(site: ReportingSite) -> None:
    made = (await site.upload(saved(picture(), "JPEG"))).json()
    sara = await site.workplace.installer("Sara")
    other = await site.workplace.project(site.workplace_owner, sara)
    path = f"/api/v1/cpo/charge-points/{site.charge_point_id}/move"
    assert (await site.workplace_owner.post(path, json={"project_id": other})).status_code == 200
    assert (await site.here(sara).get(made["url"])).status_code == 200
    assert_problem(await site.alex.get(made["url"]), 404, "not_found")


async def test_what_can_t_be_taken_is_refused_clearly(site: ReportingSite) -> None:
    for data, why in (
        (b"no photo", "is not a JPEG, PNG, WebP or HEIC image"),
        (png_header(30_000, 30_000), "megapixels"),
    ):
        problem = assert_problem(await site.upload(data), 400, "validation_error")
        assert problem["errors"][0]["field"] == "photo"
        assert why in problem["detail"]
    too_large = await site.upload(b"\xff\xd8" + b"x" * LARGEST_BYTES)
    assert "at most 10 MiB" in assert_problem(too_large, 400, "validation_error")["detail"]
    assert_problem(await site.upload(b"x" * (LARGEST_BYTES + 100_000)), 413, "content_too_large")
    wrong_name = await site.alex.post(site.path("photos"), files={"picture": ("a.jpg", saved(picture(), "JPEG"))})
    assert {"field": "photo", "message": "is required"} in assert_problem(wrong_name, 400, "validation_error")["errors"]
    assert_problem(await site.alex.post(site.path("photos"), json={"photo": "x"}), 400, "validation_error")
    assert_problem(await site.alex.post(site.path("photos"), data={"photo": "text"}), 415, "unsupported_media_type")
    await site.workplace.hand_over(site.project_id)
    assert_problem(await site.upload(saved(picture(), "JPEG")), 409, "project_handed_over")


async def test_only_photos_may_be_large(site: ReportingSite) -> None:
    body = REPORT | {"description": "x" * (1024 * 1024)}
    assert_problem(await site.alex.post(site.path("report-issue"), json=body), 413, "content_too_large")
    form = {"files": {"photo": ("a.jpg", b"x")}}
    assert_problem(await site.alex.post(site.path("report-issue"), **form), 415, "unsupported_media_type")
    assert_problem(await site.alex.post(site.path("photos/x"), **form), 415, "unsupported_media_type")
