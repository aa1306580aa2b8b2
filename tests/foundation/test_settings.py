"""Settings: environment, TOML file, flags, in rising order of weight (contract §8)."""

import ipaddress
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from sliproad.foundation.settings import Settings, load

GOOD_SECRET = "q7Rk2mZx9LpT4vWc8NbY1sHd5GfJ3aEu"


@pytest.fixture(autouse=True)
def no_settings_of_ours(monkeypatch):
    import os

    for name in os.environ:
        if name.startswith("SLIPROAD_"):
            monkeypatch.delenv(name)


def toml(folder: Path, text: str) -> Path:
    place = folder / "sliproad.toml"
    place.write_text(text)
    return place


def wrong(**flags) -> dict[str, str]:
    """Name and complaint of each setting that is refused."""
    with pytest.raises(ValidationError) as refusal:
        load(**flags)
    return {".".join(map(str, each["loc"])): each["msg"] for each in refusal.value.errors()}


def test_the_defaults_need_nothing():
    settings = load()
    assert settings.is_embedded
    assert (settings.http_port, settings.ocpp_port, settings.data_dir) == (8080, 9000, Path(".sliproad"))
    assert settings.secret_key is None


def test_flags_weigh_more_than_the_file_and_the_file_more_than_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SLIPROAD_HTTP_PORT", "1")
    monkeypatch.setenv("SLIPROAD_OCPP_PORT", "1")
    monkeypatch.setenv("SLIPROAD_GATEWAYS", "1")
    file = toml(tmp_path, "http_port = 2\nocpp_port = 2\n")
    settings = load(file, http_port=3)
    assert (settings.http_port, settings.ocpp_port, settings.gateways) == (3, 2, 1)


def test_a_flag_that_was_not_given_does_not_count(monkeypatch):
    monkeypatch.setenv("SLIPROAD_HTTP_PORT", "81")
    assert load(http_port=None).http_port == 81


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http_port", 70000),
        ("http_port", "many"),
        ("gateways", 0),
        ("log_format", "xml"),
        ("log_level", "loud"),
        ("public_url", "sliproad.example"),
        ("public_url", "wss://sliproad.example"),
        ("public_url", "https://sliproad.example/path"),
        ("public_url", "https://user@sliproad.example"),
        ("public_url", "https://sliproad.example:99999"),
        ("ocpp_public_url", "https://sliproad.example"),
        ("ocpp_public_url", "wss://sliproad.example?x=1"),
        ("database_url", "mysql://x"),
        ("nats_url", "http://x"),
        ("issue_prefix", "too long"),
        ("support_url", "javascript:alert(1)"),
        ("support_url", "help.example"),
        ("allowed_private_networks", "10.0.0.0/8, nonsense"),
        ("heartbeat_seconds", 1),
        ("frame_log_days", 0),
    ],
)
def test_each_wrong_setting_is_named(name, value):
    assert list(wrong(**{name: value})) == [name]


def test_all_wrong_settings_are_named_at_once(monkeypatch):
    monkeypatch.setenv("SLIPROAD_GATEWAYS", "none")
    assert set(wrong(http_port=-1, log_level="loud")) == {"http_port", "log_level", "gateways"}


def test_a_misspelt_name_in_the_file_is_noticed(tmp_path):
    assert list(wrong(toml_file=toml(tmp_path, "htpp_port = 1"))) == ["htpp_port"]


@pytest.mark.parametrize(
    "secret",
    [
        "secret",
        "change-me",
        "q7Rk2mZx9LpT4vWc8NbY1sHd5GfJ3aE",  # one too short
        "change-me-change-me-change-me-change-me",
        "CHANGE_ME_before_you_go_to_production!",
        "this-is-an-example-secret-of-the-docs-1",
        "a" * 64,
        "abcabcabcabcabcabcabcabcabcabcabcabc",
        "your-secret-goes-here-please-1234567890",
    ],
)
def test_an_example_or_short_secret_is_refused(secret):
    """Trust S2."""
    assert list(wrong(secret_key=secret)) == ["secret_key"]


def test_a_refusal_does_not_repeat_the_value(monkeypatch):
    """Trust S3: what was meant to be secret reaches the terminal and the log."""
    monkeypatch.setenv("SLIPROAD_SECRET_KEY", "hunter2-hunter2")
    monkeypatch.setenv("SLIPROAD_DATABASE_URL", "mysql://root:hunter2@host/d")
    with pytest.raises(ValidationError) as refusal:
        load()
    assert "hunter2" not in str(refusal.value)


def test_neither_does_the_settings_own_text():
    settings = load(
        secret_key=GOOD_SECRET,
        smtp_url="smtp://u:hunter2@mail.example",
        database_url="postgresql://u:hunter2@h/d",
        nats_url="nats://u:hunter2@h",
    )
    assert "hunter2" not in repr(settings)
    assert GOOD_SECRET not in repr(settings)


def test_the_program_ends_with_a_sentence_for_an_example_secret():
    """Trust S2: exit code other than 0."""
    done = subprocess.run(
        [sys.executable, "-m", "sliproad", "serve"],
        env={"PATH": "/usr/bin:/bin", "SLIPROAD_SECRET_KEY": "change-me-change-me-change-me-change-me"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.search(r"secret_key: .*random characters", done.stderr)
    assert "Traceback" not in done.stderr


def test_urls_lose_their_trailing_slash():
    settings = load(public_url="https://sliproad.example/", ocpp_public_url="wss://ocpp.sliproad.example:9443/")
    assert settings.public_url == "https://sliproad.example"
    assert settings.ocpp_public_url == "wss://ocpp.sliproad.example:9443"


def test_networks_are_text_or_a_list(tmp_path, monkeypatch):
    networks = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
    assert (
        load(toml(tmp_path, 'allowed_private_networks = ["127.0.0.0/8", "::1/128"]')).allowed_private_networks
        == networks
    )
    monkeypatch.setenv("SLIPROAD_ALLOWED_PRIVATE_NETWORKS", "127.0.0.0/8, ::1/128")
    assert load().allowed_private_networks == networks


def test_a_child_gets_exactly_the_same(tmp_path, monkeypatch):
    """The supervisor hands its settings to the roles' processes as environment."""
    given = load(
        toml(tmp_path, 'allowed_private_networks = ["127.0.0.0/8", "10.0.0.0/8"]\nocpp_allow_profile_0 = true\n'),
        secret_key=GOOD_SECRET,
        smtp_url="smtp://user:p%40ss@mail.example:587",
        database_url="postgresql://sliproad_owner@/postgres?host=%2Fmy%20run",
        nats_url="nats://127.0.0.1:4222",
        public_url="https://sliproad.example",
        ocpp_public_url="wss://ocpp.sliproad.example",
        ocpp_ping_seconds=2.5,
        signing_pkcs12=tmp_path / "signer.p12",
        signing_pkcs12_password="pass phrase",
        data_dir=tmp_path,
        demo=True,
    )
    for name, value in given.as_environment().items():
        monkeypatch.setenv(name, value)
    assert load().model_dump() == given.model_dump()
    assert Settings().model_dump() == given.model_dump()


def test_several_sealing_keys_are_read_in_their_order_and_the_secret_key_is_the_last():
    newest = GOOD_SECRET[::-1]
    settings = Settings(sealing_keys=f"{newest},{GOOD_SECRET}", secret_key=GOOD_SECRET)
    assert settings.sealing_secrets == (newest, GOOD_SECRET, GOOD_SECRET)
    assert Settings(secret_key=GOOD_SECRET).sealing_secrets == (GOOD_SECRET,)
    assert list(wrong(sealing_keys=f"{GOOD_SECRET},short")) == ["sealing_keys"]
