"""The wheel cache: which files a lock installs, and how they get here, from an index of the tests' own."""

import os
import ssl
import threading
import time
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from package_index import lock, serving, sha256, wheel

from pinlite import toolchain
from pinlite.engine.wheels import Pins, WheelCache
from pinlite.errors import ImageError
from pinlite.events import FetchFinished, FetchProgress, FetchStarted, Notice, ignore
from pinlite.machine import guards, retries, uv
from pinlite.toolchain import bases

BASE = bases.load()["python-3.8"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(retries, "PAUSES", (0.01, 0.02))


def fetched(pins, observe=ignore):
    """The lock's files, here now: path by package."""
    cache = WheelCache()
    files = cache.listed(pins, {}, observe)
    here = cache.fetch(cache.missing(files), observe)
    found = [here.get(file.sha256, file) for file in files]
    cache.remember(pins, found)
    return {file.package: cache.path(file) for file in found}


def test_the_best_file_that_the_lock_allows_is_chosen(monkeypatch):
    """Of what the lock names the newest platform that the base has, as pip does; a source where nothing else is."""
    names = ["a-1-cp38-cp38-manylinux1_x86_64.whl", "a-1-cp38-cp38-manylinux_2_28_x86_64.whl", "a-1-py3-none-any.whl"]
    digests = {name: sha256(name.encode()) for name in (*names, "a-1.tar.gz", "b-1.tar.gz")}

    def package(name, wheels, sdist):
        each = '{{ url = "https://index/{0}", size = 7, hashes = {{ sha256 = "{1}" }} }}'
        inner = ", ".join(each.format(file, digests[file]) for file in wheels)
        source = f"sdist = {each.format(sdist, digests[sdist])}\n"
        return f'[[packages]]\nname = "{name}"\nversion = "1"\n{source}' + (f"wheels = [{inner}]\n" if wheels else "")

    answer = (
        f'lock-version = "1.0"\ncreated-by = "uv"\n{package("a", names, "a-1.tar.gz")}{package("b", [], "b-1.tar.gz")}'
    )
    monkeypatch.setattr(uv, "run", lambda *_, **__: answer)

    def chosen(*allowed):
        pins = "".join(f" --hash=sha256:{digests[name]}" for name in allowed)
        made = Pins("an image", f"a==1{pins}\nb==1 --hash=sha256:{digests['b-1.tar.gz']}\n".encode(), BASE).ask()
        assert made["b"].is_source
        assert made["a"].url == f"https://index/{made['a'].filename}"
        return made["a"].filename

    assert chosen(*names, "a-1.tar.gz") == names[1]
    assert chosen(names[0], names[2]) == names[0]
    assert chosen("a-1.tar.gz") == "a-1.tar.gz"
    with pytest.raises(ImageError, match="has no file for a 1 that the lock of an image allows"):
        chosen()


def test_each_lock_of_ours_can_be_read():
    for recipe in toolchain.every_recipe():
        assert sorted(Pins.of(recipe).beside({})) == sorted(recipe.versions)
        assert Pins.of(recipe).beside(recipe.versions) == []


def test_files_come_once_and_are_found_without_the_index(index):
    files = dict([wheel("one"), wheel("two", content=os.urandom(3 * 2**20))])
    index.files = files
    pins = Pins("an image", lock(*files.items()), BASE)
    seen = []
    paths = fetched(pins, seen.append)
    assert {path.name: path.read_bytes() for path in paths.values()} == files
    assert all(path.parent.name == sha256(path.read_bytes()) for path in paths.values())
    size = sum(map(len, files.values()))
    assert seen[0] == FetchStarted(2)
    assert [event.so_far for event in seen if isinstance(event, FetchProgress)][-1] == size
    assert isinstance(seen[-1], FetchFinished)
    assert (seen[-1].files, seen[-1].size) == (2, size)
    assert len(index.downloads) == 2
    asked = index.asked
    assert fetched(pins, pytest.fail) == paths
    assert index.asked == asked


def test_what_is_there_already_is_not_wanted(index):
    index.files = dict([wheel("one"), wheel("two")])
    pins = Pins("an image", lock(*index.files.items()), BASE)
    cache = WheelCache()
    (file,) = cache.listed(pins, {"one": "1"}, ignore)
    assert file.package == "two"
    assert [file.package for file in cache.listed(pins, {"one": "0"}, ignore)] == ["one", "two"]


def test_an_index_without_hashes_and_sizes_will_do(index):
    """What uv then tells is a hash of the lock, whatever file it is of."""
    index.files, index.plain = dict([wheel("one")]), True
    others = [("one-1.tar.gz", b"a source"), ("one-1.zip", b"another")]
    for names in (others, [("one-1.tar.gz", b"x"), *index.files.items()]):
        pins = Pins("an image", lock(*index.files.items(), *names), BASE)
        (path,) = fetched(pins).values()
        assert path.read_bytes() == index.files[path.name]
        asked = index.asked
        assert fetched(pins) == {"one": path}
        assert index.asked == asked


@pytest.mark.parametrize("form", ["file:///simple", "find-links"])
def test_an_index_in_a_folder_will_do(tmp_path, monkeypatch, form):
    name, data = wheel("one")
    folder = tmp_path / "an index é" / "one"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(data)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    if form == "find-links":
        monkeypatch.setenv("UV_NO_INDEX", "1")
        monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    else:
        (folder / "index.html").write_text(f'<a href="{name}">{name}</a>')
        monkeypatch.setenv("UV_DEFAULT_INDEX", folder.parent.as_uri())
    (path,) = fetched(Pins("an image", lock((name, data)), BASE)).values()
    assert path.read_bytes() == data
    assert (folder / name).exists()


def test_a_file_that_is_another_is_refused_and_does_not_stay(index):
    name, data = wheel("one")
    index.files = {name: data}
    pins = Pins("an image", lock((name, data)), BASE)
    files = WheelCache().listed(pins, {}, ignore)
    index.files = {name: data[:-1] + b"!"}
    with pytest.raises(ImageError, match=f"{name} is not what the lock names: its sha256 is") as raised:
        WheelCache().fetch(files, ignore)
    assert "do not install it" in raised.value.hint
    assert len(index.downloads) == 1
    assert not list(WheelCache().root.rglob("*.part"))
    assert not list(WheelCache().root.rglob("*.whl"))
    index.files = {name: data}
    assert fetched(pins)["one"].read_bytes() == data


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_goes_on_where_it_ended(index, ranges):
    name, data = wheel("one", content=os.urandom(2**20))
    index.files, index.ranges, index.cut = {name: data}, ranges, [1000, 2000]
    seen = []
    assert fetched(Pins("an image", lock((name, data)), BASE), seen.append)["one"].read_bytes() == data
    first, *others = index.downloads
    assert first == (name, None)
    assert [part for _, part in others] == ["bytes=1000-", "bytes=3000-" if ranges else "bytes=2000-"]
    told = [event.text for event in seen if isinstance(event, Notice)]
    assert [text.rpartition("; ")[2] for text in told] == ["tried again in 0.01 s", "tried again in 0.02 s"]
    assert all(text.startswith(f"{name} can't be fetched: ") for text in told)
    assert [event.so_far for event in seen if isinstance(event, FetchProgress)][-1] == len(data)


def test_after_the_third_failure_it_says_so_and_keeps_what_has_come(index):
    name, data = wheel("one", content=os.urandom(2**20))
    index.files, index.cut = {name: data}, [1000, 1000, 1000]
    pins = Pins("an image", lock((name, data)), BASE)
    with pytest.raises(ImageError, match=f"{name} can't be fetched: ") as raised:
        fetched(pins)
    assert "check the connection" in raised.value.hint
    (part,) = WheelCache().root.rglob("*.part")
    assert part.read_bytes() == data[:3000]
    index.downloads.clear()
    assert fetched(pins)["one"].read_bytes() == data
    assert index.downloads == [(name, "bytes=3000-")]


def test_what_the_index_does_not_tell_is_known_once_it_was_here(index):
    index.files, index.plain = dict([wheel("one")]), True
    pins = Pins("an image", lock(*index.files.items()), BASE)
    path = fetched(pins)["one"]
    path.write_bytes(b"half")
    assert fetched(pins)["one"].read_bytes() == index.files[path.name]


@pytest.mark.parametrize("left", [b"something else", None])
def test_what_an_earlier_attempt_left_is_not_believed(index, left):
    """A part of another file, or one that is whole, though it was not yet moved."""
    name, data = wheel("one")
    index.files = {name: data}
    pins = Pins("an image", lock((name, data)), BASE)
    part = WheelCache().root / "coming" / f"{sha256(data)}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(data if left is None else left)
    assert fetched(pins)["one"].read_bytes() == data
    assert len(index.downloads) == (0 if left is None else 2)
    assert not part.exists()


def test_a_longer_part_of_another_file_is_not_believed(index):
    name, data = wheel("one")
    index.files = {name: data}
    part = WheelCache().root / "coming" / f"{sha256(data)}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(data + data)
    assert fetched(Pins("an image", lock((name, data)), BASE))["one"].read_bytes() == data


@pytest.mark.parametrize(
    ("status", "attempts", "hint"),
    [
        (503, 3, "check the connection"),
        (403, 1, "user and password"),
        (404, 1, "index has everything"),
        (410, 1, "index has"),
    ],
)
def test_what_the_index_answers_is_told(index, status, attempts, hint):
    name, data = wheel("one")
    index.files, index.refuses = {name: data}, [status] * 9
    with pytest.raises(ImageError, match=rf"{name} can't be fetched: 127\.0\.0\.1 answers {status}") as raised:
        fetched(Pins("an image", lock((name, data)), BASE))
    assert hint in raised.value.hint
    assert len(index.downloads) == attempts


@pytest.mark.parametrize("place", ["url", "netrc"])
def test_a_password_is_given_to_the_index_and_is_told_nowhere(index, monkeypatch, tmp_path, place):
    name, data = wheel("one")
    index.files, index.authorization = {name: data}, f"Basic {b64encode(b'me:s@cret').decode()}"
    if place == "url":
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{index.url.replace('//', '//me:s%40cret@')}/simple/")
    else:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login me password s@cret\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
    (path,) = fetched(Pins("an image", lock((name, data)), BASE)).values()
    assert path.read_bytes() == data
    listings = list((WheelCache().root / "locks").iterdir())
    assert len(listings) == 1
    for word in ("s@cret", "s%40cret", "127.0.0.1"):
        assert word not in listings[0].read_text()


def test_a_proxy_is_used(index, monkeypatch):
    name, data = wheel("one")
    index.files = {name: data}
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTP_PROXY", index.url)
    monkeypatch.setenv("http_proxy", index.url)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://index.invalid/simple/")
    assert fetched(Pins("an image", lock((name, data)), BASE))["one"].read_bytes() == data
    assert index.hosts == {"index.invalid"}
    assert len(index.downloads) == 1


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Of an authority of the test's own, and of 127.0.0.1 by it, that with its key: two files."""
    folder, pem = tmp_path_factory.mktemp("certificates"), serialization.Encoding.PEM
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("an authority", "127.0.0.1")]
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now, made = datetime.now(UTC), []
    for key, name, is_authority in zip(keys, names, (True, False), strict=True):
        begun = x509.CertificateBuilder(names[0], name, key.public_key(), x509.random_serial_number())
        begun = begun.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        begun = begun.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        begun = begun.add_extension(address, critical=False)
        # Without these OpenSSL refuses a certificate where it is strict, as Python 3.13 has it.
        uses = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
        uses |= dict.fromkeys(("encipher_only", "decipher_only"), False)
        usage = x509.KeyUsage(True, key_cert_sign=is_authority, crl_sign=is_authority, **uses)
        begun = begun.add_extension(usage, critical=True)
        whose = x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key())
        begun = begun.add_extension(whose, critical=False)
        begun = begun.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        made.append(begun.sign(keys[0], hashes.SHA256()).public_bytes(pem))
    private = keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files = folder / "authority.pem", folder / "server.pem"
    for file, data in zip(files, (made[0], made[1] + private), strict=True):
        file.write_bytes(data)
    return files


@pytest.mark.usefixtures("index")
def test_a_certificate_of_ones_own_is_trusted_where_it_is_named(monkeypatch, certificates):
    authority, server = certificates
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(server)
    name, data = wheel("one")
    pins = Pins("an image", lock((name, data)), BASE)
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    with serving(tls) as secure:
        secure.files = {name: data}
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{secure.url}/simple/")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        files = WheelCache().listed(pins, {}, ignore)
        monkeypatch.delenv("SSL_CERT_FILE")
        told = []
        with pytest.raises(ImageError, match="invalid peer certificate") as raised:
            WheelCache().listed(Pins("another", pins.lock + b"#\n", BASE), {}, told.append)
        assert "SSL_CERT_FILE" in raised.value.hint
        assert told == []
        with pytest.raises(ImageError, match="CERTIFICATE_VERIFY_FAILED") as raised:
            WheelCache().fetch(files, ignore)
        assert "SSL_CERT_FILE" in raised.value.hint
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        assert fetched(pins)["one"].read_bytes() == data


def test_an_index_that_is_not_reached_is_tried_again(monkeypatch, tmp_path):
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple/")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    told = []
    with pytest.raises(ImageError, match="the packages of an image can't be looked up in the package index") as raised:
        fetched(Pins("an image", lock(wheel("one")), BASE), told.append)
    assert "check the connection" in raised.value.hint
    assert len(told) == 2


@pytest.mark.usefixtures("index")
def test_a_version_that_the_index_does_not_have_is_told_at_once():
    told = []
    with pytest.raises(ImageError, match="one") as raised:
        fetched(Pins("an image", lock(wheel("one")), BASE), told.append)
    assert "index has everything" in raised.value.hint
    assert told == []


def test_a_disk_that_is_full_meanwhile_is_told(index, small_files):
    name, data = wheel("one", content=os.urandom(2**20))
    index.files = {name: data}
    pins = Pins("an image", lock((name, data)), BASE)
    files = WheelCache().listed(pins, {}, ignore)
    with small_files(len(data) // 2), pytest.raises(ImageError, match="is full") as raised:
        WheelCache().fetch(files, ignore)
    assert "PINLITE_CACHE" in raised.value.hint
    assert len(index.downloads) == 1
    assert fetched(pins)["one"].read_bytes() == data


def test_two_runs_do_not_fetch_the_same(index):
    name, data = wheel("one")
    index.files = {name: data}
    pins = Pins("an image", lock((name, data)), BASE)
    files = WheelCache().listed(pins, {}, ignore)
    guard = WheelCache().root / "coming" / f"{sha256(data)}.guard"
    guard.parent.mkdir(parents=True)
    with guards.held(guard):
        waiting = threading.Thread(target=WheelCache().fetch, args=(files, ignore))
        waiting.start()
        time.sleep(0.3)
        assert waiting.is_alive()
        place = WheelCache().path(files[0])
        place.parent.mkdir()
        place.write_bytes(data)
    waiting.join(5)
    assert not waiting.is_alive()
    assert index.downloads == []


def test_an_interrupt_ends_at_once_though_the_index_hangs(index, monkeypatch):
    """It is the observer that is interrupted here; what has come stays."""
    name, data = wheel("one", content=os.urandom(2**20))
    index.files = {name: data}
    pins = Pins("an image", lock((name, data)), BASE)
    files = WheelCache().listed(pins, {}, ignore)
    hanging = threading.Event()
    monkeypatch.setattr("pinlite.engine.wheels.transfer.receive", lambda *_: hanging.wait(30))

    def interrupted(event):
        if isinstance(event, FetchProgress):
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        WheelCache().fetch(files, interrupted)
    assert time.monotonic() - started < 5
    hanging.set()


def test_a_listing_that_is_damaged_is_asked_for_again(index):
    name, data = wheel("one")
    index.files = {name: data}
    pins = Pins("an image", lock((name, data)), BASE)
    fetched(pins)
    (listing,) = (WheelCache().root / "locks").iterdir()
    whole = listing.read_text()
    for text in ("", "{", '{"one": {"filename": "../../etc/passwd"}}'):
        listing.write_text(text)
        fetched(pins)
        assert listing.read_text() == whole


def test_a_file_that_lost_its_end_is_fetched_again(index):
    """As after a machine that went off: its name was written, its contents were not."""
    name, data = wheel("one")
    index.files = {name: data}
    pins = Pins("an image", lock((name, data)), BASE)
    path = fetched(pins)["one"]
    os.truncate(path, 10)
    assert fetched(pins)["one"].read_bytes() == data


def test_another_python_or_platform_is_another_question():
    pins = Pins("an image", b"one==1\n", BASE)
    others = [
        replace(pins, lock=b"one==2\n"),
        replace(pins, base=replace(BASE, python="3.9")),
        replace(pins, base=replace(BASE, wheels="aarch64-manylinux_2_28")),
        replace(pins, sources=("one",)),
    ]
    assert len({each.key for each in (pins, *others)}) == 5


def test_what_no_lock_needs_is_found(index):
    one, two = dict([wheel("one")]), dict([wheel("two")])
    index.files = one | two
    both, only = Pins("an image", lock(*index.files.items()), BASE), Pins("an image", lock(*one.items()), BASE)
    paths = fetched(both)
    fetched(only)
    cache = WheelCache()
    part = cache.root / "coming" / f"{'0' * 64}.part"
    part.touch()
    listing = cache.root / "locks" / f"{both.key}.json"
    assert cache.unused([both.key, only.key]) == [part]
    assert cache.unused([only.key]) == sorted([part, listing, paths["two"]])
    assert len(cache.unused([])) == 5


def test_what_is_in_use_is_not_collected():
    cache, collected = WheelCache(), threading.Event()

    def collect():
        with WheelCache().collecting():
            collected.set()

    collecting = threading.Thread(target=collect)
    with cache.using(), cache.using():
        collecting.start()
        assert not collected.wait(0.2)
    collecting.join(5)
    assert collected.is_set()


def test_a_cache_that_can_not_be_written_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("PINLITE_CACHE", str(tmp_path / "file"))
    with pytest.raises(ImageError, match=r"packages can't be kept in .*/file/wheels") as raised, WheelCache().using():
        pass
    assert "PINLITE_CACHE" in raised.value.hint
