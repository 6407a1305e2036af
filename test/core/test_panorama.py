# SPDX-License-Identifier: Apache-2.0
"""Panoramas are decoded, bounded and refused with one sentence that names the file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
import hashlib
import struct
import threading
import zlib

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
from imaging_fixtures import encoded, smooth_panorama, zip_folder
import numpy as np
import pytest
import simplejpeg

from hvs_ros.core.image_header import HeaderError, check_png_chunks
from hvs_ros.core.panorama import (
    Panorama,
    PanoramaCache,
    PanoramaError,
    PanoramaFile,
    decode,
    load_panorama,
)

SUFFIXES = ('.jpg', '.png', '.webp')


def png_chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', checksum)


def png(width: int, height: int) -> bytes:
    """Return a PNG that claims a size and holds next to nothing."""
    return b'\x89PNG\r\n\x1a\n' + png_chunk(
        b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)) + png_chunk(
        b'IDAT', zlib.compress(b'\0')) + png_chunk(b'IEND', b'')


def progressive_jpeg() -> bytes:
    flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_QUALITY, 95]
    return cv2.imencode('.jpg', smooth_panorama(640, 320), flags)[1].tobytes()


def with_large_comment(jpeg: bytes) -> bytes:
    """Return the JPEG with segments before and a trailer after it, all full of end markers."""
    comment = b'\xff\xfe\xff\xfe' + b'\xff\xd9' * 32766
    return jpeg[:2] + comment * 3 + jpeg[2:] + b'\0' * 70000


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_pictures_decode_to_bgr(tmp_path, suffix):
    image = smooth_panorama(96, 48)
    image[:, :48] = (200, 100, 20)
    path = tmp_path / f'pano{suffix}'
    path.write_bytes(cv2.imencode(suffix, image)[1].tobytes())
    panorama = load_panorama(path)
    assert panorama.image.shape == (48, 96, 3) and panorama.image.dtype == np.uint8
    assert np.abs(panorama.image[20, 20].astype(int) - (200, 100, 20)).max() <= 4
    assert panorama.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert panorama.sha256 == PanoramaFile(path).sha256()
    assert panorama.name == str(path)
    assert (load_panorama(path.read_bytes(), 'x').image == panorama.image).all()


@pytest.mark.parametrize(('pixels', 'suffix'), [
    (np.full((48, 96), 90, np.uint8), '.jpg'),
    (np.full((48, 96), 90, np.uint8), '.png'),
    (np.full((48, 96), 90 << 8, np.uint16), '.png'),
    (np.full((48, 96, 4), (90, 90, 90, 128), np.uint8), '.png'),
    (np.full((48, 96, 4), (90, 90, 90, 128), np.uint8), '.webp')])
def test_grey_deep_and_transparent_pictures_become_bgr(pixels, suffix):
    image = decode(cv2.imencode(suffix, pixels)[1].tobytes(), 'pano')
    assert image.shape == (48, 96, 3)
    assert np.abs(image.astype(int) - 90).max() <= 2


def test_jpegs_decode_as_opencv_decodes_them():
    for content in (encoded('.jpg', 256, 128), progressive_jpeg(),
                    with_large_comment(encoded('.jpg'))):
        expected = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        assert (decode(content, 'pano') == expected).all()


def test_a_buffer_is_reused_when_it_is_large_enough():
    content, buffer = encoded('.jpg', 64, 32), np.zeros(64 * 32 * 3 + 5, np.uint8)
    image = decode(content, 'pano', buffer)
    assert np.shares_memory(image, buffer)
    assert (image == decode(content, 'pano')).all()
    assert not np.shares_memory(decode(content, 'pano', buffer[:100]), buffer)


@pytest.mark.parametrize('suffix', SUFFIXES)
@pytest.mark.parametrize('share', [0.02, 0.3, 0.7, 0.999])
def test_a_truncated_file_is_refused_by_name(tmp_path, suffix, share):
    content = encoded(suffix, 640, 320)
    path = tmp_path / f'pano{suffix}'
    path.write_bytes(content[:int(len(content) * share)])
    with pytest.raises(PanoramaError, match=r'^\S*pano\S* is (truncated|corrupt): [^.]*$') as seen:
        load_panorama(path)
    assert '\n' not in str(seen.value)


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_the_missing_end_is_seen_without_decoding(tmp_path, suffix):
    path = tmp_path / f'pano{suffix}'
    path.write_bytes(encoded(suffix, 640, 320))
    assert PanoramaFile(path, size=path.stat().st_size).header(whole=True).width == 640
    path.write_bytes(path.read_bytes()[:-40])
    cut = PanoramaFile(path, size=path.stat().st_size)
    assert cut.header().height == 320
    with pytest.raises(PanoramaError, match='is truncated: its picture is cut'):
        cut.header(whole=True)


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture(tmp_path):
    path, content = tmp_path / 'pano.jpg', encoded('.jpg')
    path.write_bytes(content[:2] + b'\xff\xfe\0\x04\xff\xd9' + content[2:-9])
    with pytest.raises(PanoramaError, match='is truncated'):
        PanoramaFile(path, size=path.stat().st_size).header(whole=True)


@pytest.mark.parametrize('content', [
    progressive_jpeg()[:9000] + b'\xff\xd9', encoded('.jpg', 640, 320)[:9000] + b'\xff\xd9'])
def test_a_jpeg_cut_short_and_closed_again_is_refused(content):
    """The codec fills the rest with grey and merely warns."""
    with pytest.raises(PanoramaError, match=r'pano\.jpg is corrupt'):
        decode(content, 'pano.jpg')


def test_a_flipped_bit_in_a_png_is_refused():
    content = bytearray(encoded('.png', 640, 320))
    content[len(content) // 2] ^= 4
    with pytest.raises(PanoramaError, match=r'pano\.png is corrupt'):
        decode(bytes(content), 'pano.png')


@pytest.mark.parametrize('cut', [-1, -13, -400])
def test_damage_to_a_png_is_found_whatever_the_decoder_says(cut):
    content = bytearray(encoded('.png'))
    check_png_chunks(bytes(content))
    with pytest.raises(HeaderError, match='truncated'):
        check_png_chunks(bytes(content[:cut]))
    content[cut - 20] ^= 1
    with pytest.raises(HeaderError, match='checksum'):
        check_png_chunks(bytes(content))


def test_a_picture_is_never_turned_as_its_exif_says():
    whole = encoded('.png', 64, 32)
    quarter_turn = b'MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0'
    turned = whole[:33] + png_chunk(b'eXIf', quarter_turn) + whole[33:]
    assert (decode(turned, 'pano') == smooth_panorama(64, 32)).all()


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    suffix=st.sampled_from(SUFFIXES), at=st.integers(0, 1500), bits=st.integers(1, 255),
    cut=st.integers(0, 1500))
def test_a_damaged_file_is_a_picture_or_one_sentence(suffix, at, bits, cut):
    content = bytearray(encoded(suffix))
    content[at % len(content)] ^= bits
    if cut < 400:
        del content[len(content) - cut:]
    try:
        image = decode(bytes(content), 'pano')
    except PanoramaError as error:
        assert str(error).startswith('pano is ') and '\n' not in str(error)
    else:
        assert image.ndim == 3 and image.dtype == np.uint8


@pytest.mark.parametrize(('content', 'named'), [
    (b'', 'empty'),
    (b'once upon a time', 'not an image'),
    (b'GIF89a' + bytes(20), 'GIF'),
    (b'BM' + bytes(20), 'BMP'),
    (b'II*\0' + bytes(20), 'TIFF'),
    (bytes((0, 0, 0, 24)) + b'ftypheic' + bytes(20), 'HEIC'),
    (bytes((0, 0, 0, 24)) + b'ftypavif' + bytes(20), 'AVIF'),
    (b'\x76\x2f\x31\x01' + bytes(20), 'OpenEXR'),
    (b'\0\0\0\x0cJXL \r\n' + bytes(20), 'JPEG XL')])
def test_other_formats_are_refused_by_their_name(content, named):
    with pytest.raises(PanoramaError, match=f'room is {named}.*only JPEG, PNG and WebP'):
        decode(content, 'room')


@pytest.mark.parametrize(('width', 'height', 'why'), [
    (100_000, 50_000, '100000 x 50000 pixels, more than'),
    (20_000, 10_000, '20000 x 10000 pixels, more than'),
    (32_001, 2, '32001 x 2 pixels, more than'),
    (0, 0, '0 x 0 pixels, too small'),
    (1, 1, '1 x 1 pixels, too small')])
def test_absurd_sizes_are_refused_before_anything_is_decoded(width, height, why, monkeypatch):
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('decoded'))
    with pytest.raises(PanoramaError, match=f'pano is {why}'):
        decode(png(width, height), 'pano')


def test_an_absurd_jpeg_is_refused_before_anything_is_decoded(monkeypatch):
    monkeypatch.setattr(simplejpeg, 'decode_jpeg', lambda *_, **__: pytest.fail('decoded'))
    content = bytearray(encoded('.jpg'))
    frame = content.index(b'\xff\xc0')
    content[frame + 5:frame + 9] = struct.pack('>HH', 60000, 60000)
    with pytest.raises(PanoramaError, match='60000 x 60000 pixels'):
        decode(bytes(content), 'pano')


@pytest.mark.parametrize('kind', ['VP8 ', 'VP8L', 'VP8X'])
def test_every_kind_of_webp_says_its_size(kind):
    flags = [cv2.IMWRITE_WEBP_QUALITY, 101 if kind == 'VP8L' else 80]
    image = smooth_panorama(96, 48)
    if kind == 'VP8X':
        image = np.dstack([image, np.tile(np.arange(96, dtype=np.uint8), (48, 1))])
    content = cv2.imencode('.webp', image, flags)[1].tobytes()
    assert content[12:16] == kind.encode()
    assert decode(content, 'pano').shape == (48, 96, 3)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PanoramaError, match=r'nothing\.jpg cannot be read: No such file'):
        load_panorama(tmp_path / 'nothing.jpg')


def test_a_zip_member_reads_as_the_file_does(tmp_path):
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / 'pano.png').write_bytes(encoded('.png'))
    archive = zip_folder(tmp_path / 'in', tmp_path / 'a.zip')
    packed = PanoramaFile(archive, 'pano.png')
    assert packed.read() == encoded('.png')
    assert (load_panorama(packed).image == smooth_panorama(64, 32)).all()
    content = bytearray(archive.read_bytes())
    content[200] ^= 0xFF
    archive.write_bytes(bytes(content))
    with pytest.raises(PanoramaError, match=r'a\.zip/pano\.png cannot be read'):
        load_panorama(packed)


def frame(value: int, size: int = 100) -> Panorama:
    return Panorama(np.full((1, size, 1), value, np.uint8), str(value), '')


def test_the_cache_lets_the_least_recently_used_go():
    cache, loaded = PanoramaCache(max_bytes=250), []

    def get(key: int) -> Panorama:
        return cache.get(key, lambda: loaded.append(key) or frame(key))

    first = get(1)
    get(2)
    assert get(1) is first
    get(3)
    get(1)
    get(2)
    assert loaded == [1, 2, 3, 2]
    assert len(cache) == 2 and cache.nbytes == 200


def test_what_is_larger_than_the_cache_is_returned_and_not_kept():
    cache = PanoramaCache(max_bytes=250)
    cache.get('small', lambda: frame(1))
    assert cache.get('large', lambda: frame(2, 300)).nbytes == 300
    assert len(cache) == 1 and cache.nbytes == 100


def test_a_failed_load_is_told_and_tried_again():
    cache = PanoramaCache()
    with pytest.raises(PanoramaError):
        cache.get('a', lambda: decode(b'', 'a') and frame(1))
    assert cache.get('a', lambda: frame(2)).name == '2'


def test_many_threads_load_one_panorama_once_and_do_not_wait_for_others():
    cache, loads, started, go_on = PanoramaCache(), [], threading.Event(), threading.Event()

    def slow() -> Panorama:
        loads.append(1)
        started.set()
        assert go_on.wait(10)
        return frame(1)

    with ThreadPoolExecutor(9) as pool:
        asked = [pool.submit(cache.get, 'slow', slow) for _ in range(8)]
        assert started.wait(10)
        assert pool.submit(cache.get, 'other', lambda: frame(2)).result(10).name == '2'
        go_on.set()
        found = {id(future.result(10)) for future in asked}
    assert len(loads) == 1 and len(found) == 1


def test_the_cache_loads_files_by_themselves(tmp_path):
    path = tmp_path / 'pano.png'
    path.write_bytes(encoded('.png'))
    cache = PanoramaCache()
    assert cache.get(PanoramaFile(path)) is cache.get(PanoramaFile(path))
    with pytest.raises(TypeError, match='not a file'):
        cache.get(3)
