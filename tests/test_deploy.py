"""What is shipped beside the code says what the code understands: no Docker is needed to know that."""

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

from tidings.bootstrap.cli import cli
from tidings.bootstrap.settings import CONTEXTS, DATABASES, PORTS, BadSettings, read_settings, with_secrets

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: each for name, each in COMPOSE["services"].items() if each.get("image") == "tidings"}
EXAMPLE = dict(
    line.split("=", 1)
    for line in (ROOT / ".env.example").read_text().splitlines()
    if line and not line.startswith("#")
)
MAY_BE_EMPTY = {"TIDINGS_SMTP_URL"}
FILLED = {
    name: value if value or name in MAY_BE_EMPTY else "a-text-that-is-long-enough-for-a-key"
    for name, value in EXAMPLE.items()
}


def _filled(value):
    return re.sub(r"\$\{(\w+)[^}]*\}", lambda found: FILLED[found[1]], str(value))


def _understood(words):
    """Raise click.UsageError for a command that nobody knows, or an option that it does not take."""
    _, command, rest = cli.resolve_command(cli.make_context("tidings", ["serve"]), list(words))
    return command.make_context(command.name, rest, resilient_parsing=False).params


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_service_is_started_with_words_and_settings_that_are_known(name, tmp_path):
    service = OURS[name]
    _understood([_filled(word) for word in service["command"]])
    environment = {key: _filled(value) for key, value in service["environment"].items()}
    contexts = (name,) if name in CONTEXTS else ()
    settings = with_secrets(read_settings(environment, data=tmp_path, contexts=contexts))
    assert settings.apart
    assert set(settings.elsewhere) == set(CONTEXTS) - {name}
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]


def test_every_context_has_a_service_on_its_port_where_the_others_look_for_it():
    peers = read_settings({key: _filled(v) for key, v in OURS["users"]["environment"].items()}).elsewhere
    nginx = (ROOT / "deploy" / "nginx.conf").read_text()
    for name, port in PORTS.items():
        assert OURS[name]["environment"]["PORT"] == str(port)
        assert peers[name] == f"http://{name}:{port}"
        assert f"server {name}:{port};" in nginx


def test_every_variable_of_the_compose_file_is_in_the_example_and_none_is_more():
    text = (ROOT / "compose.yaml").read_text()
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", text)) == set(EXAMPLE)


def test_an_example_that_was_not_filled_in_is_refused_with_everything_that_is_missing():
    environment = {
        key: re.sub(r"\$\{(\w+)[^}]*\}", lambda found: EXAMPLE[found[1]], str(value))
        for key, value in OURS["users"]["environment"].items()
    }
    with pytest.raises(BadSettings) as refused:
        read_settings({key: value for key, value in environment.items() if value})
    assert {fault.field for fault in refused.value.faults} == {"TIDINGS_SIGNING_KEYS", "TIDINGS_APP_SECRETS"}


def test_every_database_is_made_and_granted():
    text = (ROOT / "deploy" / "databases.sql").read_text()
    for database in DATABASES.values():
        assert f"CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4" in text
        assert f"GRANT ALL ON {database}.* TO" in text


@pytest.mark.parametrize("unit", ["tidings@.service", "tidings-worker@.service"])
def test_units_start_what_exists_and_confine_it(unit):
    file = ConfigParser(strict=False, interpolation=None)
    file.optionxform = str
    file.read(ROOT / "deploy" / "systemd" / unit)
    program, *words = file["Service"]["ExecStart"].replace("%i", "users").split()
    assert program.endswith("/tidings")
    _understood(words)
    assert file["Service"]["DynamicUser"] == "yes"
    assert file["Service"]["ProtectSystem"] == "strict"


def test_the_image_is_small_pinned_and_run_by_nobody_in_particular():
    text = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["python:3.12-slim-bookworm"] * 2
    user = text.index("USER 10001")
    assert user < text.index("ENTRYPOINT")
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert kept[0] == "*"
    assert {line[1:] for line in kept if line.startswith("!")} >= {
        "src",
        "requirements.lock",
        "pyproject.toml",
    }
