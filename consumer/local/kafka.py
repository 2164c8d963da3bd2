"""One real Kafka broker with its controller (KRaft) on 127.0.0.1, its data in one folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from consumer.local.daemon import Daemon, last_lines
from consumer.local.errors import LocalStackError
from consumer.local.jars import KAFKA_VERSION, ensure_jars, jar_cache, locked_jars
from consumer.local.java import Java, find_java
from consumer.local.kafka_properties import new_cluster_id, server_properties
from consumer.local.ports import HOST, answers, free_ports, is_free

_READY_DEADLINE_S: Final = 90.0
"""A cold start takes 2 s here; a busy small machine needs many times that."""
_STOP_DEADLINE_S: Final = 45.0
_FORMAT_DEADLINE_S: Final = 90
_STARTS: Final = 3
"""A free port may be taken by another program before the broker binds it; then other ports are tried."""
_JVM: Final = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


def _nothing_more(port: int, controller_port: int) -> str:  # noqa: ARG001
    return ""


class KafkaNode:
    """The broker of one folder. Its callers hold the folder's lock.

    `more` gives further lines of server.properties for the ports of broker and controller; the last line of
    a name wins.
    """

    def __init__(
        self, folder: Path, say: Callable[[str], None], more: Callable[[int, int], str] = _nothing_more
    ) -> None:
        self._more = more
        self._folder = folder
        self._say = say
        self._data = folder / "data"
        self._ports = folder / "ports.json"
        self._properties = folder / "server.properties"
        self._log = folder / "broker.log"
        self._console = folder / "console.log"
        self._daemon = Daemon(folder / "pid.json", ("java",), self._properties)

    def up(self) -> str:
        """Starts the broker unless it runs, waits until it answers, and returns its bootstrap address.

        A broker that died comes back with its data, on its port if that is free. Raises LocalStackError.
        """
        process = self._daemon.running()
        if process is not None:
            ports = self._recorded_ports()
            if ports is None:
                raise LocalStackError(f"{self._ports} is missing: run `badges down`, then `badges up`")
            self._await(process, ports[0])
            return f"{HOST}:{ports[0]}"
        if self._daemon.crashed():
            self._say("Kafka was not stopped but is gone; it is started again on its data")
        return self._start()

    def down(self) -> bool:
        """Stops the broker; True if one ran."""
        return self._daemon.stop(_STOP_DEADLINE_S, self._say)

    def address(self) -> str | None:
        """Bootstrap address of the living process, else None. Does not ask whether it answers."""
        ports = self._recorded_ports()
        return f"{HOST}:{ports[0]}" if ports and self._daemon.running() else None

    def answering(self) -> bool:
        """True if the process lives and its address answers with its cluster id."""
        address = self.address()
        return address is not None and cluster_id_at(address, 5.0) == self.cluster_id()

    def pid(self) -> int | None:
        """The broker's process id, None if it does not live."""
        process = self._daemon.running()
        return process.pid if process else None

    def cluster_id(self) -> str | None:
        """The id that stands in the data folder; None where nothing is formatted yet."""
        try:
            lines = (self._data / "meta.properties").read_text().splitlines()
        except FileNotFoundError:
            return None
        return next(
            (line.removeprefix("cluster.id=") for line in lines if line.startswith("cluster.id=")), None
        )

    def _start(self) -> str:
        java = find_java()
        jars = ensure_jars(locked_jars(), jar_cache(), self._say)
        command = self._command(java, jars)
        (self._folder / "tmp").mkdir(parents=True, exist_ok=True)
        if self.cluster_id() is None:
            self._format(command)
        ports = self._ports_to_use()
        for attempt in range(1, _STARTS + 1):
            self._write_properties(ports)
            if self._log.exists():
                self._log.replace(self._log.with_suffix(".previous.log"))
            process = self._daemon.start([*command, "kafka.Kafka", str(self._properties)], self._console)
            try:
                self._await(process, ports[0])
                break
            except LocalStackError:
                self._daemon.stop(_STOP_DEADLINE_S, self._say)
                if attempt == _STARTS or not self._port_was_taken():
                    raise
                ports = free_ports(2)
        self._say(
            f"Kafka: Apache Kafka {KAFKA_VERSION} at {HOST}:{ports[0]} "
            f"(Java {java.version} from {java.source}, data in {self._data})"
        )
        return f"{HOST}:{ports[0]}"

    def _command(self, java: Java, jars: Sequence[Path]) -> list[str]:
        local = (
            f"-Djava.io.tmpdir={self._folder / 'tmp'}",
            f"-Dorg.slf4j.simpleLogger.logFile={self._log}",
            f"-XX:ErrorFile={self._folder / 'java-error.log'}",
        )
        return [str(java.program), *_JVM, *local, "-cp", os.pathsep.join(map(str, jars))]

    def _format(self, command: Sequence[str]) -> None:
        """Formats a new folder and moves it into place: an interrupted format leaves nothing behind."""
        unfinished = self._folder / "data.new"
        for leftover in (unfinished, self._data):
            shutil.rmtree(leftover, ignore_errors=True)
        properties = self._folder / "format.properties"
        properties.write_text(server_properties(unfinished, *free_ports(2)), encoding="ascii")
        tool = (
            "kafka.tools.StorageTool",
            "format",
            "--standalone",
            "-t",
            new_cluster_id(),
            "-c",
            str(properties),
        )
        try:
            subprocess.run([*command, *tool], check=True, capture_output=True, timeout=_FORMAT_DEADLINE_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            said = error.stderr or error.stdout or b""
            raise LocalStackError(
                f"the data folder of Kafka could not be prepared ({error}):\n"
                f"{said.decode(errors='replace')[-2000:]}\n"
                f"free some space below {self._folder} and run `badges up` again"
            ) from error
        unfinished.rename(self._data)

    def _write_properties(self, ports: Sequence[int]) -> None:
        text = server_properties(self._data, *ports) + self._more(*ports)
        self._properties.write_text(text, encoding="ascii")
        self._ports.write_text(json.dumps({"broker": ports[0], "controller": ports[1]}))

    def _recorded_ports(self) -> list[int] | None:
        try:
            recorded = json.loads(self._ports.read_text())
            return [int(recorded["broker"]), int(recorded["controller"])]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _ports_to_use(self) -> list[int]:
        """The ports of last time if both are free: clients then find the broker where it was."""
        ports = self._recorded_ports()
        if ports is None:
            return free_ports(2)
        if all(is_free(port) for port in ports):
            return ports
        self._say(f"port {ports[0]} or {ports[1]} is in use by another program; Kafka takes other ports")
        return free_ports(2)

    def _port_was_taken(self) -> bool:
        return "Address already in use" in last_lines(self._log, 200) + last_lines(self._console, 200)

    def _await(self, process: psutil.Process, port: int) -> None:
        """Returns when the port answers as our cluster. Raises LocalStackError with the end of the log."""
        deadline = time.monotonic() + _READY_DEADLINE_S
        ours = self.cluster_id()
        while time.monotonic() < deadline:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                raise LocalStackError(self._failure("Kafka ended while it was starting"))
            if answers(port):
                found = cluster_id_at(f"{HOST}:{port}", 2.0)
                if found == ours:
                    return
                if found is not None:
                    raise LocalStackError(
                        f"port {port} answers as another Kafka cluster ({found}, not {ours}): stop that "
                        "broker, or run `badges down` and `badges up`"
                    )
            time.sleep(0.05)
        raise LocalStackError(self._failure(f"Kafka did not answer within {_READY_DEADLINE_S:.0f} s"))

    def _failure(self, what: str) -> str:
        lines = last_lines(self._log, 15) or last_lines(self._console, 15) or "    (nothing was logged)"
        return f"{what}. The last lines of {self._log}:\n{lines}\n{advice(lines)}"


def advice(lines: str) -> str:
    """What to do about a broker that ended with these lines in its log."""
    if "UnsupportedVersionException" in lines:
        return f"A newer Kafka than {KAFKA_VERSION} wrote this data: `badges down --wipe` starts from nothing"
    return "Run `badges down`, then `badges up`; if it fails again, `badges down --wipe` starts from nothing"


def cluster_id_at(address: str, timeout_s: float) -> str | None:
    """The cluster id that a broker reports in its metadata; None if nothing there speaks Kafka in time."""
    client = AdminClient({"bootstrap.servers": address, "log_level": 0, "socket.timeout.ms": 5000})
    try:
        found = client.list_topics(timeout=timeout_s).cluster_id
    except KafkaException:
        return None
    return str(found) if found else None
