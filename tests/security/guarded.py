"""A broker that asks who its clients are and what they may: SASL, TLS, and Kafka's own authoriser.

Tests administer it over a listener without any of that; whoever comes there is a superuser.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from consumer.local.kafka import KafkaNode
from consumer.local.ports import HOST, free_ports

PASSWORD = "planted-Kafka-word"
PATIENCE_S = 180.0


@dataclass(frozen=True)
class Right:
    """One operation on one resource. `name` may end in `*`: everything that begins so."""

    resource: str
    name: str
    operation: str

    def __str__(self) -> str:
        return f"{self.operation} on {self.resource} {self.name}"

    def binding(self, user: str) -> AclBinding:
        """The same as an ACL for a user."""
        pattern = ResourcePatternType.PREFIXED if self.name.endswith("*") else ResourcePatternType.LITERAL
        kind = {"TOPIC": ResourceType.TOPIC, "GROUP": ResourceType.GROUP}.get(self.resource)
        return AclBinding(
            kind or ResourceType.TRANSACTIONAL_ID,
            self.name.removesuffix("*"),
            pattern,
            f"User:{user}",
            "*",
            AclOperation[self.operation],
            AclPermissionType.ALLOW,
        )


@dataclass(frozen=True)
class GuardedKafka:
    """Addresses of one such broker."""

    node: KafkaNode
    open_address: str
    sasl_address: str
    tls_address: str
    folder: Path

    @property
    def authority(self) -> Path:
        """The certificate that signed the broker's."""
        return self.folder / "ca.pem"

    def grant(self, user: str, rights: Iterable[Right]) -> None:
        """Returns when the broker knows them."""
        admin = AdminClient({"bootstrap.servers": self.open_address})
        wanted = [right.binding(user) for right in rights]
        if not wanted:
            return
        for answer in admin.create_acls(wanted).values():
            answer.result(PATIENCE_S)
        mine = AclBindingFilter(
            ResourceType.ANY,
            None,  # type: ignore[arg-type]  # any name; the client's types forget it
            ResourcePatternType.ANY,
            f"User:{user}",
            None,  # type: ignore[arg-type]  # any host
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        deadline = time.monotonic() + PATIENCE_S
        while len(admin.describe_acls(mine).result(PATIENCE_S)) < len(set(wanted)):
            assert time.monotonic() < deadline, f"the rights of {user} do not arrive"

    def overrides(self, address: str | None = None) -> list[str]:
        """The address, as settings."""
        return [f"kafka.bootstrap_servers={address or self.sasl_address}"]

    def client(self, user: str, password: str = PASSWORD, protocol: str = "SASL_PLAINTEXT") -> str:
        """`kafka.client` of a user, as the environment takes it."""
        table = {
            "security.protocol": protocol,
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": password,
        }
        if protocol == "SASL_SSL":
            table["ssl.ca.location"] = str(self.authority)
        return json.dumps(table)


def guarded_kafka(folder: Path, users: Sequence[str], say: Callable[[str], None]) -> GuardedKafka:
    """A running one, with these users."""
    folder.mkdir(parents=True, exist_ok=True)
    make_certificates(folder)
    guarded: list[int] = []
    credentials = " ".join(f'user_{user}="{PASSWORD}"' for user in users)
    login = f"org.apache.kafka.common.security.plain.PlainLoginModule required {credentials};"

    def more(port: int, controller: int) -> str:
        """Asked again, with other ports, where somebody took one before the broker bound it."""
        guarded[:] = [one for one in free_ports(4) if one not in (port, controller)][:2]
        sasl, tls = guarded
        return f"""
listeners=PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller},GUARDED://{HOST}:{sasl},TLS://{HOST}:{tls}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_PLAINTEXT,TLS:SASL_SSL
sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config={login}
listener.name.tls.plain.sasl.jaas.config={login}
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location={folder / "server.both.pem"}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
connection.failed.authentication.delay.ms=0
"""

    node = KafkaNode(folder / "kafka", say, more)
    address = node.up()
    sasl, tls = guarded
    return GuardedKafka(node, address, f"{HOST}:{sasl}", f"{HOST}:{tls}", folder)


def make_certificates(folder: Path) -> None:
    """An authority (ca.pem) and a certificate for 127.0.0.1 by it (server.pem, server.key, both in one)."""
    _openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-authority",
    )
    _openssl(folder, "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=test-server")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    _openssl(
        folder,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 "
        "-extfile names",
    )
    both = (folder / "server.key").read_text() + (folder / "server.pem").read_text()
    (folder / "server.both.pem").write_text(both)


def _openssl(folder: Path, words: str) -> None:
    subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)
