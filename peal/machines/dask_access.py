"""What lets one into a Dask cluster, and what to say where it does not."""

import logging
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from peal import __version__
from peal.machines.rpc import LinkError

ANSWERS_WITHIN = 10.0
"""Seconds for a scheduler, or a worker, to let somebody in and answer."""
_LOGGERS = ("distributed", "distributed.client", "bokeh", "tornado", "tornado.application", "asyncio")
"""Those to which `distributed` gives a way to the standard error, and those that speak for its connections."""


def connection_args(url: str, files: Mapping[str, Path]) -> Mapping[str, Any]:
    """How `distributed` is to connect, with the certificates in these files; `LinkError` if that cannot be."""
    is_encrypted = url.startswith("tls:")
    if is_encrypted:
        _check(files)
    try:
        from distributed.security import Security
    except ImportError:
        raise LinkError(
            '`distributed` is not installed here, which a Dask cluster needs; `pip install "peal-plans[cluster]"`'
        ) from None
    for logger in _LOGGERS:
        logging.getLogger(logger).setLevel(logging.CRITICAL + 1)
    named = {name: str(path) for name, path in files.items()} if is_encrypted else {}
    try:
        args: Mapping[str, Any] = Security(
            require_encryption=is_encrypted,
            tls_ca_file=named.get("ca"),
            tls_client_cert=named.get("cert"),
            tls_client_key=named.get("key"),
        ).get_connection_args("client")
    except (OSError, ValueError) as error:
        raise LinkError(
            f"`ca`, `cert` and `key` cannot be used: {_said(error)}; name files in PEM that belong together"
        ) from None
    return args


def _check(files: Mapping[str, Path]) -> None:
    if missing := [name for name in ("ca", "cert") if name not in files]:
        raise LinkError(
            f"`{missing[0]}` is not set, and a cluster is joined with certificates; set `ca`, `cert` and `key` in the table "
            "of these machines"
        )
    for name, path in files.items():
        try:
            content = path.read_bytes()
        except OSError as error:
            raise LinkError(
                f"`{name}` cannot be read: `{path}`: {error.strerror}; name a file in PEM"
            ) from None
        if b"ENCRYPTED" in content:  # somebody would be asked, in the midst of a run
            raise LinkError(f"`{name}` is `{path}`, whose key has a passphrase; name one without")


def cannot_be_asked(address: str, error: BaseException) -> str:
    """Why an address of a cluster does not answer, and what to do."""
    match cause := _first_cause(error):
        case ssl.SSLCertVerificationError():
            why = (
                f"shows a certificate that `ca` does not vouch for ({cause.verify_message}); "
                "name the authority of that cluster"
            )
        case ConnectionRefusedError():
            why = "is not listened at; start `dask scheduler` and workers there, or name another"
        case TimeoutError():
            why = (
                f"does not answer within {ANSWERS_WITHIN:g} seconds; see whether it runs, and whether it can be reached "
                "from here"
            )
        case socket.gaierror():
            why = "has a host that nobody knows; mend its name"
        case ssl.SSLError() | ConnectionError():
            why = _ended(address, _said(cause))
        case OSError() if cause.errno is None:
            why = _ended(address, "")
        case _:
            why = f"cannot be spoken with: {_said(cause)}; see whether it is of a Dask cluster with TLS"
    return f"`{address}` {why}"


def _ended(address: str, why: str) -> str:
    wanted = "does not accept `cert`, or has no TLS" if address.startswith("tls:") else "wants TLS"
    return f"ends the connection, as one does that {wanted}{f' ({why})' if why else ''}; see what it logs"


def cannot_install(worker: str, why: str) -> str:
    """Why a worker does not take part, by what it says of that."""
    if "peal" in why and ("ModuleNotFoundError" in why or "AttributeError" in why or "ImportError" in why):
        return (
            f"worker `{worker}` has no peal, or another; install peal {__version__} where it runs, "
            "and start it anew"
        )
    return f"worker `{worker}` cannot be used: {why[:300] or 'it does not say why'}; see what it logs"


def _first_cause(error: BaseException) -> BaseException:
    while following := error.__cause__ or getattr(error, "real_error", None):
        error = following
    return error


def _said(error: BaseException) -> str:
    return (
        getattr(error, "reason", None)
        or getattr(error, "strerror", None)
        or str(error)
        or type(error).__name__
    )
