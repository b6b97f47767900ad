"""HTTP to servers on this machine or elsewhere in the clinic, and to no other."""

import contextlib
import ssl
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import httpx

from summaries.engine.cancelling import Cancellation
from summaries.engine.errors import named_errors, readable, refusal
from summaries.engine.prompts import encoded

CONNECT_SECONDS = 2
STATE_SECONDS = 2


@dataclass(frozen=True)
class Address:
    url: str
    """Without a slash at its end, and without "/v1"."""
    api_key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}


class Wire:
    """Asks without proxies and redirects. Raises what ``errors`` names, ``ServerGone`` among it."""

    def __init__(
        self, timeout_seconds: float, tls: ssl.SSLContext | None = None, *, keeps_connections: bool = False
    ) -> None:
        self._timeout_seconds = timeout_seconds
        # A bare TLS context for plain HTTP, since reading the system's certificates costs more than a short request;
        # and no connection is kept, since the server at its other end may be gone.
        self._tls = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        limits = httpx.Limits(max_keepalive_connections=None if keeps_connections else 0)
        self._http = httpx.Client(trust_env=False, verify=self._tls, limits=limits)

    @contextlib.contextmanager
    def kept(self) -> Iterator[Self]:
        """The same, with one connection for many requests."""
        wire = type(self)(self._timeout_seconds, self._tls, keeps_connections=True)
        with wire._http:
            yield wire

    def get(self, address: Address, path: str) -> httpx.Response:
        """A question about the server itself, whatever the status; it has two seconds."""
        with named_errors():
            request = self._request("GET", address, path, timeout=httpx.Timeout(STATE_SECONDS))
            return self._http.send(request)

    def post(self, address: Address, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        timeout = httpx.Timeout(self._timeout_seconds, connect=CONNECT_SECONDS)
        with named_errors():
            response = self._http.send(
                self._request("POST", address, path, timeout=timeout, body=encoded(asked))
            )
        if response.status_code != 200:
            raise refusal(response)
        with readable():
            answer: dict[str, Any] = response.json()
            return answer

    def lines(
        self, address: Address, path: str, body: bytes, seconds: float, cancellation: Cancellation
    ) -> Generator[str, None, None]:
        """Of a streamed answer, as they come."""
        timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        with named_errors():
            request = self._request(
                "POST", address, path, timeout=timeout, body=body, cancellation=cancellation
            )
            with contextlib.closing(self._http.send(request, stream=True)) as response:
                if response.status_code != 200:
                    response.read()
                    raise refusal(response)
                yield from response.iter_lines()

    def _request(
        self,
        method: str,
        address: Address,
        path: str,
        *,
        timeout: httpx.Timeout,
        body: bytes | None = None,
        cancellation: Cancellation | None = None,
    ) -> httpx.Request:
        return self._http.build_request(
            method,
            f"{address.url}{path}",
            content=body,
            headers={**address.headers, "Content-Type": "application/json"},
            timeout=timeout,
            extensions={"trace": (cancellation or Cancellation()).trace},
        )


@cache
def verifying() -> ssl.SSLContext:
    """Trusts what this machine trusts: its store of certificates, or the file that SSL_CERT_FILE names."""
    return ssl.create_default_context()
