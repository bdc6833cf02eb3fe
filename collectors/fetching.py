"""How is one page of a server fetched, whatever the server does?

A server that is broken, slow or hostile costs a sentence (`TryAgain`), never more: the page is bounded, so is
the time, and no other host is asked than the one that the person named. No sentence has a secret in it.
"""

from __future__ import annotations

import re
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from perfwatch_collectors.unpacking import READ, Unpacked

from perfwatch.errors import ConfigError, TryAgain, Unavailable, reason_of
from perfwatch.redact import HIDDEN
from perfwatch.text import clean
from perfwatch.workload.servers import PATHS

if TYPE_CHECKING:
    import httpx

PAGE_BYTES = 8 * 2**20
"""A page of Ray Serve has half a megabyte; what has more than this is not read to its end."""
CONNECT_S, ANSWER_S = 1.0, 2.0
"""How long a connection, and each piece of an answer, is waited for."""
WHOLE_S = 4.0
"""How long the whole page is waited for."""
REDIRECTS = 5
REFUSED = "connection refused"
NOT_UP_S = 0.25
"""Pause where nobody listens: what a server counts before it is read for the first time is not the run's."""
FAR_OFF_S = 30.0
"""Pause after a page that is too large: to fetch it every second would disturb the server."""
_HEADERS = {"Accept": "text/plain;version=0.0.4, */*;q=0.1", "Accept-Encoding": "identity"}


def places_of(text: str) -> list[str]:
    """The addresses at which a page may be: the one that was named, or the usual ones of a server.

    Raises:
        ConfigError: it is no address.
    """
    first = checked_url(text)
    if urlsplit(text).path not in ("", "/"):
        return [first]
    return [urlsplit(first)._replace(path=path).geturl() for path in PATHS]


def checked_url(text: str, *, of_metrics: bool = True) -> str:
    """The address of a page, ready to be asked: of metrics `http://HOST:PORT` alone means its `/metrics`.

    Raises:
        ConfigError: it is none.
    """
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(letter.isspace() for letter in text):
        raise ConfigError(
            f"cannot read a page at {shown(text)!r}: write http://HOST:PORT/PATH, "
            "such as http://127.0.0.1:8000/metrics"
        )
    if of_metrics and parts.path in ("", "/"):
        parts = parts._replace(path=PATHS[0])
    return parts._replace(fragment="").geturl()


def shown(url: str) -> str:
    """An address as it may be recorded: without user, password and what stands in its query."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:  # then nothing tells where a password ends: all that stands before the last @ may be one
        return clean(re.split(r"[?#]", url.rpartition("@")[2])[0], 200)
    place = parts.netloc.rpartition("@")[2]
    return clean(f"{parts.scheme}://{place}{parts.path}" + (f"?{HIDDEN}" if parts.query else ""), 200)


_REFUSALS = (401, 403)
REFUSED_AGAIN_S = 10.0
"""So long is waited before a password that was refused is sent once more: some lock out who tries often."""


class NotThere(TryAgain):
    """A server answers, and has no such page."""


class NoAnswer(TryAgain):
    """There is no connection, or it broke off: the server is not up yet, or not any more."""


class NotUp(NoAnswer):
    """Nobody listens there."""


class Fetcher:
    """Fetches one page again and again over one connection.

    Args:
        url: as `checked_url` gives it.
        user, token: who asks, where the address does not say it. What the user's password is, is told only to
            a server that asks for it, and by its digest where it takes that.
        how_to_ask: what somebody is told to do whom the server does not know.
        how_to_trust: the same where its certificate is not trusted.
        verify: whether the certificate of an https page is checked.
        ca: a file with the certificates that are trusted, in place of the usual authorities.
        of_metrics: a page for people is none.
        timeout_s: so long each piece of an answer is waited for, and twice as long all of it.
    """

    def __init__(
        self,
        url: str,
        *,
        user: tuple[str, str] | None = None,
        token: str = "",
        verify: bool = True,
        ca: str = "",
        of_metrics: bool = True,
        how_to_trust: str = "the variable SSL_CERT_FILE names a file of those that are",
        how_to_ask: str = "give user and password in the address, as https://USER:PASSWORD@HOST/",
        timeout_s: float | None = None,
    ) -> None:
        import httpx  # 60 to 90 ms

        self._httpx: Any = httpx
        self.shown = shown(url)
        self._of_metrics = of_metrics
        self._how_to_ask, self._how_to_trust = how_to_ask, how_to_trust
        self._answer_s = ANSWER_S if timeout_s is None else timeout_s
        self._whole_s = WHOLE_S if timeout_s is None else 2.0 * timeout_s
        # What the environment says about proxies is not asked: no connection that the person did not name.
        self._client: httpx.Client = httpx.Client(
            headers={**_HEADERS, **({"Authorization": f"Bearer {token}"} if token else {})},
            verify=(trusting(ca) if ca else _trusted(httpx)) if verify else False,
            timeout=httpx.Timeout(self._answer_s, connect=CONNECT_S),
            trust_env=False,
            limits=httpx.Limits(max_connections=1),
        )
        # No cookie is kept: new ones each time fill the memory, and at some Python prints a traceback.
        self._client.cookies.jar.extract_cookies = lambda *_: None  # type: ignore[method-assign]
        self._until_s = 0.0
        self._is_kept = False
        """Whether all that was done so far was done on a connection of an earlier reading."""
        self._request = self._client.build_request("GET", url, extensions={"trace": self._hurry})
        asked = httpx.URL(url)
        self._auth: Any = (asked.username, asked.password) if asked.userinfo else None
        self._user = user
        self._is_secret = bool(self._auth or user or token)

    def fetch(self) -> bytes:
        """The page.

        Raises:
            TryAgain: it cannot be had now; says why.
        """
        httpx = self._httpx
        self._until_s = time.monotonic() + self._whole_s
        try:
            return self._at_second_try()
        except httpx.TimeoutException as error:
            raise self._trouble(
                f"gave no answer within {self._answer_s:g} s; is it busy, or another program?"
            ) from error
        except httpx.ConnectError as error:
            reason = _reason(error)
            if is_about_a_certificate(error):
                raise self._trouble(
                    f"has a certificate that is not trusted here ({what_of_a_certificate(error)}); "
                    f"{self._how_to_trust}"
                ) from error
            said = f"the page {self.shown} does not answer ({reason}); is the server up, and the port right?"
            if REFUSED in reason:
                raise NotUp(said, NOT_UP_S) from error
            raise NoAnswer(said, 1.0) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError) as error:
            raise self._no_answer(f"broke off or speaks no HTTP ({type(error).__name__})") from error

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()

    def _at_second_try(self) -> bytes:
        """The page; a kept connection that ends just when it is used again says nothing of the server."""
        self._is_kept = True
        try:
            return self._follow(self._request)
        except (self._httpx.RemoteProtocolError, self._httpx.ReadError, self._httpx.WriteError):
            if not self._is_kept or time.monotonic() > self._until_s:
                raise
        return self._follow(self._request)

    def _hurry(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith((".connect_tcp.started", ".receive_response_headers.complete")):
            self._is_kept = False  # a new one, or one that answered
        late = f"takes longer than {self._whole_s:g} s to come and was left"
        hurry(event, info, lambda: self._until_s, lambda: self._trouble(late))

    def _follow(self, request: httpx.Request) -> bytes:
        for _ in range(REDIRECTS + 1):
            response = self._sent(request)
            try:
                if not response.has_redirect_location or response.next_request is None:
                    return self._body(response)
                request = response.next_request
            finally:
                response.close()
            self._check_redirect(request.url)
        raise self._trouble(f"sends us on more than {REDIRECTS} times; name the page itself")

    def _check_redirect(self, url: httpx.URL) -> None:
        """Nobody is asked whom nobody named, and who asks is told to the place that was named alone."""
        named = self._request.url
        if url.host != named.host or url.scheme not in ("http", "https"):
            raise self._trouble(
                f"sends us on to another host ({clean(url.host, 100)}), which nobody named; "
                "name that page itself"
            )
        is_less_safe = url.scheme == "http" and named.scheme == "https"
        if self._is_secret and (is_less_safe or (url.scheme == named.scheme and url.port != named.port)):
            raise self._trouble(
                f"sends us on to {clean(url.scheme, 10)} at another port, where the password would go as "
                "well; name that page itself"
            )

    def _sent(self, request: httpx.Request) -> httpx.Response:
        """The answer; where a server wants to know who asks, that to a second request which says it."""
        response = self._client.send(request, auth=self._auth, stream=True)
        if response.status_code != self._httpx.codes.UNAUTHORIZED or not self._user or self._auth is not None:
            return response
        response.close()
        wants = response.headers.get("www-authenticate", "").lower()
        self._auth = self._httpx.DigestAuth(*self._user) if "digest" in wants else tuple(self._user)
        return self._client.send(request, auth=self._auth, stream=True)

    def _hint(self, status: int) -> str:
        if status not in _REFUSALS:
            return ""
        return " (wrong user or password)" if self._auth else f" (not allowed); {self._how_to_ask}"

    def _body(self, response: httpx.Response) -> bytes:
        if response.status_code == self._httpx.codes.NOT_FOUND:
            raise NotThere(f"the page {self.shown} answers with status 404; is the path right?", 1.0)
        if response.status_code != self._httpx.codes.OK:
            is_refused = response.status_code in _REFUSALS and bool(self._auth)
            raise self._trouble(
                f"answers with status {response.status_code}{self._hint(response.status_code)}",
                REFUSED_AGAIN_S if is_refused else 1.0,
            )
        if self._of_metrics and "html" in response.headers.get("content-type", ""):
            raise self._trouble("is a web page (HTML), no metrics; name the page itself, often /metrics")
        body = bytearray()
        for piece in self._pieces(response):
            body += piece
            if len(body) > PAGE_BYTES:
                limit = f"{PAGE_BYTES // 2**20} MB"
                raise self._trouble(f"has more than {limit} and was cut there; name a smaller one", FAR_OFF_S)
        if b"\x00" in body:
            raise self._trouble("holds no metrics: it sends bytes that are no text; name the page itself")
        framed = "content-length" in response.headers or "transfer-encoding" in response.headers
        if body and not framed and not body.endswith(b"\n"):
            raise self._trouble("broke off within a line")
        return bytes(body)

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        """The page as it comes, unpacked where it comes compressed, which was not asked for."""
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding in ("", "identity"):
            yield from response.iter_raw()
            return
        if encoding not in READ:
            raise self._trouble(
                f"comes compressed ({clean(encoding, 40)}), though plain text was asked for; have the "
                "server, or the proxy before it, send it as it is or with gzip"
            )
        unpacked = Unpacked(encoding)
        try:
            for packed in response.iter_raw():
                yield from unpacked.take(packed)
        except zlib.error as error:
            raise self._trouble(
                f"says that it comes with {encoding}, and does not; ask its server"
            ) from error
        if not unpacked.whole:
            raise self._no_answer("broke off within what is compressed")

    def _no_answer(self, what: str) -> NoAnswer:
        return NoAnswer(f"the page {self.shown} {what}", 1.0)

    def _trouble(self, what: str, after_s: float = 1.0) -> TryAgain:
        return TryAgain(f"the page {self.shown} {what}", after_s)


def hurry(
    event: str,
    info: Mapping[str, Any],
    until_s: Callable[[], float],
    late: Callable[[], TryAgain],
) -> None:
    """Have all reads of a new connection look at the time: a head can drip without end as a body can.

    Args:
        event, info: what httpx tells of a request's course (its extension `trace`).
        until_s: up to when on the monotonic clock the whole answer is waited for.
        late: what is raised then.
    """
    if not event.endswith((".connect_tcp.complete", ".start_tls.complete")):
        return
    stream = info["return_value"]
    read = stream.read

    def in_time(*args: Any, **named: Any) -> Any:
        if time.monotonic() > until_s():
            raise late()
        return read(*args, **named)

    stream.read = in_time


def _trusted(httpx: Any) -> ssl.SSLContext:
    """Whose certificates are trusted: the usual authorities, or what SSL_CERT_FILE or SSL_CERT_DIR name.

    Raises:
        Unavailable: what these name cannot be read.
    """
    try:
        context: ssl.SSLContext = httpx.create_ssl_context()
    except OSError as error:
        raise Unavailable(
            f"cannot read the certificates that are trusted: {reason_of(error)}",
            "correct SSL_CERT_FILE or SSL_CERT_DIR, or unset it",
        ) from error
    return context


HOW_TO_TRUST = "ca=FILE names one to trust, verify=false takes it as it is"
"""What can be said of a certificate with a collector's options."""


def trusting(ca: str) -> ssl.SSLContext:
    """What trusts the certificates in a file, and no others."""
    try:
        return ssl.create_default_context(cafile=str(Path(ca).expanduser()))
    except OSError as error:
        reason = "it holds none" if isinstance(error, ssl.SSLError) else reason_of(error)
        raise ConfigError(f"cannot use the certificates {clean(ca)}: {reason}") from error


def is_about_a_certificate(error: BaseException) -> bool:
    """Whether no connection came about because the other side's certificate is not trusted."""
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error)):
        return True
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def what_of_a_certificate(error: BaseException) -> str:
    """What is wrong with it, in OpenSSL's words: `certificate has expired`."""
    cause = cause_of(error, ssl.SSLCertVerificationError)
    said = getattr(cause, "verify_message", "") if cause is not None else str(error).partition("failed: ")[2]
    return clean(re.sub(r" \(_ssl\.c:\d+\)", "", said), 120).rstrip(".") or "it cannot be verified"


def cause_of(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The first of its causes that is of a kind."""
    return next((cause for cause in _causes(error) if isinstance(cause, kind)), None)


def _reason(error: BaseException) -> str:
    """Why no connection came about, in the system's words, which hold no address."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return clean(cause.strerror.lower(), 100)
    return "no connection"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error itself, and what lies behind it."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
