"""What is secret at rest (trust P3): one key a purpose, all from the installation's SECRET_KEY."""

import pytest

from sliproad.foundation.crypto import SealingKeys, SecretKey, WrongKey, sha256_hex

PLAIN = b"the private key of somebody"


def test_what_was_sealed_is_read_with_the_same_secret_and_purpose(secret_key):
    sealed = secret_key.encrypt("vault:jwt", PLAIN)
    assert PLAIN not in sealed
    assert SecretKey(secret_key._secret.decode()).decrypt("vault:jwt", sealed) == PLAIN


def test_the_same_plain_text_is_never_sealed_the_same(secret_key):
    assert secret_key.encrypt("a", PLAIN) != secret_key.encrypt("a", PLAIN)


def test_another_secret_can_not_read_it_and_says_what_to_do(secret_key):
    sealed = secret_key.encrypt("vault:jwt", PLAIN)
    with pytest.raises(WrongKey, match="SECRET_KEY") as refusal:
        SecretKey("another secret of another installation").decrypt("vault:jwt", sealed)
    assert refusal.value.code == "wrong_secret_key"


def test_purposes_are_kept_apart(secret_key):
    sealed = secret_key.encrypt("vault:jwt", PLAIN)
    with pytest.raises(WrongKey):
        secret_key.decrypt("vault:pki", sealed)
    assert secret_key.derive("a") != secret_key.derive("b")
    assert secret_key.fast_hash("api key", "x") != secret_key.fast_hash("mailed token", "x")


@pytest.mark.parametrize("position", [0, 10, 40, -1])
def test_a_changed_byte_is_noticed(secret_key, position):
    sealed = bytearray(secret_key.encrypt("a", PLAIN))
    sealed[position] ^= 1
    with pytest.raises(WrongKey):
        secret_key.decrypt("a", bytes(sealed))


@pytest.mark.parametrize("length", [16, 32, 64])
def test_keys_are_as_long_as_asked_and_stable(length):
    one, other = SecretKey("s" * 32).derive("p", length), SecretKey("s" * 32).derive("p", length)
    assert one == other
    assert len(one) == length


def test_a_fast_hash_depends_on_the_secret_and_the_value(secret_key):
    digest = secret_key.fast_hash("api key", "value")
    assert len(digest) == 64
    assert digest == secret_key.fast_hash("api key", "value")
    assert digest != secret_key.fast_hash("api key", "valuf")
    assert digest != SecretKey("another secret").fast_hash("api key", "value")


def test_sha256_of_text_and_bytes_agree_with_the_standard():
    """FIPS 180-4, the example "abc"."""
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_hex("abc") == sha256_hex(b"abc") == known


def test_the_first_key_seals_and_each_opens_so_that_keys_can_be_changed():
    old, new = "the key of last year, 32 characters", "the key of this year, 32 characters"
    sealed = SealingKeys([old]).seal("password", PLAIN)
    both = SealingKeys([new, old])
    assert both.open("password", sealed) == PLAIN
    again = both.reseal("password", sealed)
    assert SealingKeys([new]).open("password", again) == PLAIN
    assert (both.is_current("password", sealed), both.is_current("password", again)) == (False, True)
    with pytest.raises(WrongKey):
        SealingKeys([new]).open("password", sealed)
