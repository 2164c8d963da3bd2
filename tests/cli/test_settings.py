"""Settings: precedence, and every way to be wrong (contract.md section 1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.addresses import AddressMissing, redis_address, resolve_addresses
from consumer.setting_models import REFUSED_CLIENT_SETTINGS
from consumer.setting_sources import InvalidSettings
from consumer.settings import load_settings, setting_keys

FILE = "badges.toml"


def test_defaults_hold_where_nothing_is_set(folder: Path) -> None:
    settings = load_settings()
    assert settings.consumer.group == "badges"
    assert settings.topics.prefix == ""
    assert settings.metrics.port == 0
    assert settings.kafka.bootstrap_servers is None


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / FILE).write_text(
        "[consumer]\ngroup = 'file'\n[topics]\nprefix = 'file.'\n[metrics]\nport = 1\n"
    )
    monkeypatch.setenv("BADGES_TOPICS__PREFIX", "environment.")
    monkeypatch.setenv("BADGES_METRICS__PORT", "2")
    settings = load_settings(["metrics.port=3"])
    assert (settings.consumer.group, settings.topics.prefix, settings.metrics.port) == (
        "file",
        "environment.",
        3,
    )


def test_sources_are_merged_key_by_key_within_a_section(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / FILE).write_text("[kafka]\nbootstrap_servers = 'a:1'\n")
    monkeypatch.setenv("BADGES_KAFKA__PRODUCER", '{"linger.ms": 5}')
    settings = load_settings()
    assert settings.kafka.bootstrap_servers == "a:1"
    assert settings.kafka.producer == {"linger.ms": "5"}


def test_librdkafka_tables_become_text_with_or_without_quoted_names(folder: Path) -> None:
    (folder / FILE).write_text(
        '[kafka.client]\n"socket.keepalive.enable" = true\nsession.timeout.ms = 6000\n'
    )
    assert load_settings().kafka.client == {"socket.keepalive.enable": "true", "session.timeout.ms": "6000"}


def test_a_client_gets_the_common_table_and_its_own_on_top(folder: Path) -> None:
    settings = load_settings(['kafka.client={"a": "1", "b": "1"}', 'kafka.consumer={"b": "2"}'])
    assert settings.client_settings("consumer") == {"a": "1", "b": "2"}
    assert settings.client_settings("producer") == {"a": "1", "b": "1"}


@pytest.mark.parametrize("name", sorted(REFUSED_CLIENT_SETTINGS))
@pytest.mark.parametrize("table", ["client", "consumer", "producer"])
def test_what_correctness_depends_on_is_refused_by_name(folder: Path, table: str, name: str) -> None:
    with pytest.raises(InvalidSettings, match=rf"kafka\.{table}.*{name}"):
        load_settings([f'kafka.{table}={{"{name}": "x"}}'])


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("BADGES_CONSUMER__GROUPS", "x", "did you mean BADGES_CONSUMER__GROUP?"),
        ("BADGES_REDIS_URL", "x", "did you mean BADGES_REDIS__URL?"),
        ("BADGES_KAFKA", "{}", "BADGES_KAFKA is unknown"),
        ("badges_consumer__group", "x", "badges_consumer__group is unknown"),
        ("BADGES_KAFKA__CLIENT", "{", "BADGES_KAFKA__CLIENT: the value must be a JSON object"),
        ("BADGES_KAFKA__CLIENT", "[1]", "kafka.client: must be a table"),
        ("BADGES_METRICS__PORT", "70000", "metrics.port"),
        ("BADGES_CONSUMER__GROUP", "two words", "consumer.group"),
        ("BADGES_REDIS__URL", "localhost:6379", "redis.url: must begin with redis://"),
        ("BADGES_REGISTRY__URL", "localhost:8081", "registry.url: must begin with http://"),
    ],
)
def test_a_wrong_variable_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "name", ["BADGES_HOME", "BADGES_REQUIRE_KAFKA", "BADGES_TEST_STACK", "BADGES_CRASH_AT"]
)
def test_variables_that_are_no_settings_are_known(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    load_settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[kafka]\nbootstrap_server = 'a'\n", "did you mean kafka.bootstrap_servers?"),
        ("group = 'x'\n", "setting group is unknown"),
        ("[consumer\n", "badges.toml cannot be read"),
        ("[redis]\nurl = 7\n", "setting redis.url"),
        ("kafka = 3\n", "setting kafka"),
    ],
)
def test_a_wrong_file_is_named(folder: Path, text: str, told: str) -> None:
    (folder / FILE).write_text(text)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert told in str(caught.value)


@pytest.mark.parametrize("override", ["consumer.grup=x", "consumer.group", "kafka.client=x", "kafka=x"])
def test_a_wrong_override_is_refused(folder: Path, override: str) -> None:
    with pytest.raises(InvalidSettings):
        load_settings([override])


def test_no_secret_is_in_a_repr_or_a_message(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "geheim"
    monkeypatch.setenv("BADGES_REDIS__URL", f"redis://:{secret}@h:1/0")
    monkeypatch.setenv("BADGES_KAFKA__CLIENT", f'{{"sasl.password": "{secret}"}}')
    settings = load_settings()
    assert secret not in repr(settings) + str(settings) + repr(resolve_addresses_of(settings))
    with pytest.raises(InvalidSettings) as caught:
        load_settings([f'kafka.client={{"sasl.password": ["{secret}"]}}'])
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "override",
    [
        "redis.url=redis://:geheim@h:1/0",
        "redis.url=rediss://h:1/0?ssl_password=geheim",
        "registry.url=http://me:geheim@h",
        'kafka.client={"sasl.password": "geheim"}',
        'kafka.client={"sasl": {"password": "geheim"}}',
        'kafka.producer={"ssl.key.pem": "geheim"}',
    ],
)
def test_the_command_line_takes_no_secret_and_says_what_does(folder: Path, override: str) -> None:
    with pytest.raises(
        InvalidSettings, match=r"badges\.toml, BADGES_\w+, or a file that BADGES_\w+_FILE"
    ) as caught:
        load_settings([override])
    assert "geheim" not in str(caught.value)


def test_secrets_are_read_from_files_that_variables_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "url").write_text("redis://:geheim@h:1/0\n")
    (folder / "client").write_text('{"sasl.password": "geheim"}\n')
    monkeypatch.setenv("BADGES_REDIS__URL_FILE", str(folder / "url"))
    monkeypatch.setenv("BADGES_KAFKA__CLIENT_FILE", str(folder / "client"))
    settings = load_settings()
    assert redis_address(settings).get_secret_value() == "redis://:geheim@h:1/0"
    assert settings.kafka.client == {"sasl.password": "geheim"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "BADGES_KAFKA__CLIENT_FILE: .*No such file"),
        ('{"sasl.password": geheim}', "BADGES_KAFKA__CLIENT_FILE: the value must be a JSON object"),
        ('["geheim"]', "kafka.client: must be a table"),
    ],
)
def test_a_file_that_is_no_use_is_named_without_its_content(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, told: str
) -> None:
    if content is not None:
        (folder / "client").write_text(content)
    monkeypatch.setenv("BADGES_KAFKA__CLIENT_FILE", str(folder / "client"))
    with pytest.raises(InvalidSettings, match=told) as caught:
        load_settings()
    assert "geheim" not in str(caught.value)


def test_a_variable_and_its_file_are_not_both_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BADGES_REDIS__URL", "redis://h:1/0")
    monkeypatch.setenv("BADGES_REDIS__URL_FILE", str(folder / "url"))
    with pytest.raises(InvalidSettings, match="both set"):
        load_settings()


def resolve_addresses_of(settings: object) -> object:
    return redis_address(settings)  # type: ignore[arg-type]


def test_given_addresses_win_each_for_itself(folder: Path) -> None:
    settings = load_settings(["kafka.bootstrap_servers=a:1", "redis.url=redis://b:2/0"])
    found = resolve_addresses(settings)
    assert found.bootstrap_servers == "a:1"
    assert found.redis_url.get_secret_value() == "redis://b:2/0"
    with pytest.raises(AddressMissing, match=r"Redis.*`badges up`"):
        resolve_addresses(load_settings(["kafka.bootstrap_servers=a:1"]))


def test_the_keys_are_those_of_the_contract() -> None:
    assert setting_keys() == [
        "kafka.bootstrap_servers",
        "kafka.client",
        "kafka.consumer",
        "kafka.producer",
        "consumer.group",
        "worker.instance",
        "topics.prefix",
        "redis.url",
        "registry.url",
        "metrics.port",
    ]
