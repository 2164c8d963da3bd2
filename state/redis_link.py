"""One connection to Redis: sends commands once, and says in the words of errors.py what became of each.

Nothing here is ever sent twice. The address is kept out of messages and reprs, because it holds the password.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    NoPermissionError,
    NoScriptError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from state.errors import OutcomeUnknown, ViewError, ViewMisaddressed, ViewRefused, ViewUnavailable

Command = tuple[Any, ...]

_TRANSIENT: Final = {
    "OutOfMemoryError": "its memory is full: raise maxmemory or free memory",
    "ReadOnlyError": "it is a read-only replica: wait for the failover, or point redis.url at the master",
    "BusyLoadingError": "it is still loading its data: wait",
    "MasterDownError": "the link to its master is down",
    "MISCONF": "it cannot save to disk: free disk space, see its log",
    "NOREPLICAS": "too few replicas are connected",
    "BUSY": "another script holds it up: wait, or SCRIPT KILL",
}
_OPTION = re.compile(r"ssl_\w+|db")
_DENIED: Final = re.compile(r"run the '([a-zA-Z|-]{1,40})' command")
_ADVICE: Final = "check redis.url"
_CLUSTER: Final = frozenset({"MovedError", "AskError", "TryAgainError", "ClusterDownError"})
CLUSTER: Final = (
    "redis.url leads to a Redis Cluster, which this release does not speak; "
    "point redis.url at a Redis without cluster mode"
)


class ScriptGone(ViewUnavailable):
    """The server does not know the script (any more); it did not run."""

    def __init__(self) -> None:
        super().__init__(
            "Redis forgets its scripts again and again; look for SCRIPT FLUSH or restarts in its log"
        )


class RedisLink:
    """A lazy connection: made with the first command, and again with the first one after a loss."""

    def __init__(self, url: str, *, timeout: float) -> None:
        """`timeout` in seconds, for the connection and for each reply. Raises ViewMisaddressed for a URL
        of a wrong form; connects nowhere."""
        self._connection = _connection(url, timeout)

    def __repr__(self) -> str:
        return "RedisLink(***)"

    def close(self) -> None:
        """Closes the connection; the next command would open it again."""
        self._connection.disconnect()

    def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Sends all commands and returns a reply for each, in order, in one round trip.

        A reply is a value, or a ViewError: what the server refused was not applied; OutcomeUnknown where no
        answer came. Raises ViewUnavailable or ViewRefused if there is no connection: then nothing was sent.
        """
        connection = self._connection
        self._connect()
        replies: list[Any] = []
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            for _ in commands:
                try:
                    replies.append(connection.read_response())
                except ResponseError as error:
                    replies.append(verdict_on(error))
        except BusyLoadingError as error:
            connection.disconnect()
            replies.append(verdict_on(error))
        except (RedisError, OSError) as error:
            connection.disconnect()
            replies.append(verdict_on(error))
        except BaseException:
            connection.disconnect()  # an unread reply would be taken for the answer to the next command
            raise
        lost = len(commands) - len(replies)
        return replies + [OutcomeUnknown("the connection was lost") for _ in range(lost)]

    def read(self, commands: Sequence[Command]) -> list[Any]:
        """`exchange` for commands that change nothing; raises the first error. A lost answer is
        ViewUnavailable."""
        replies = self.exchange(commands)
        for reply in replies:
            if isinstance(reply, OutcomeUnknown):
                raise ViewUnavailable("Redis gave no answer; see whether it runs and can be reached")
            if isinstance(reply, ViewError):
                raise reply
        return replies

    def _connect(self) -> None:
        try:
            self._connection.connect()
        except (RedisError, OSError) as error:
            self._connection.disconnect()
            found = verdict_on(error)
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                told = "Redis has a certificate that is not trusted; give redis.url ?ssl_ca_certs=FILE"
                raise ViewRefused(told) from None
            if isinstance(found, OutcomeUnknown):
                found = ViewUnavailable("Redis cannot be reached; see whether it runs, then check redis.url")
            raise found from None


def verdict_on(error: Exception) -> ViewError:
    """What an error of the client means for the command that it answers. The server's text may hold keys:
    dropped."""
    if isinstance(error, NoScriptError):
        return ScriptGone()
    if isinstance(error, AuthenticationError | AuthorizationError):
        return ViewRefused(f"Redis refuses the user or the password; {_ADVICE}")
    if type(error).__name__ in _CLUSTER:
        return ViewRefused(CLUSTER)
    text = str(error)
    if isinstance(error, NoPermissionError) or "can't run this command" in text or "ACL" in text:
        return ViewRefused(f"the Redis user lacks a right{_right(text)}; docs/rights.md lists all rights")
    code = text.split(" ", 1)[0]
    transient = _TRANSIENT.get(type(error).__name__) or _TRANSIENT.get(code)
    if transient is not None:
        return ViewUnavailable(f"Redis does not take commands now: {transient}")
    if "max number of clients" in text:
        return ViewUnavailable("Redis has too many clients: raise maxclients or close some")
    if isinstance(error, ResponseError):
        return ViewRefused(f"Redis refuses a command ({type(error).__name__}); see its log, then {_ADVICE}")
    return OutcomeUnknown(type(error).__name__)


def _right(text: str) -> str:
    """The command that is denied, and nothing else of the server's text."""
    found = _DENIED.search(text)
    return f": +{found[1].lower()}" if found else " on its keys" if "access" in text and "key" in text else ""


def _connection(url: str, timeout: float) -> Any:
    options = _options_of(url)
    for option in options:
        if _OPTION.fullmatch(option) is None:
            raise ViewMisaddressed(
                f"redis.url has the option {option!r}, which is not supported; take it out"
            )
    try:
        pool = redis.ConnectionPool.from_url(
            url,
            protocol=2,
            decode_responses=False,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            health_check_interval=0,
            retry=Retry(NoBackoff(), 0),
        )
        return pool.make_connection()
    except (ValueError, TypeError, RedisError):
        raise ViewMisaddressed(
            "redis.url is no Redis address; write redis://[user:password@]host:port/db, or rediss:// for TLS"
        ) from None


def _options_of(url: str) -> list[str]:
    try:
        return list(parse_qs(urlsplit(url).query, keep_blank_values=True))
    except ValueError:
        raise ViewMisaddressed(
            "redis.url is no address; write redis://[user:password@]host:port/db"
        ) from None
