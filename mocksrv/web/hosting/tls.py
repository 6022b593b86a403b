"""The certificate of a server that speaks HTTPS: the user's own, or one that it makes for itself at each start."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mocksrv.engine.clock import wall_ms
from mocksrv.engine.storage.temporary import TemporaryFolder
from mocksrv.web.hosting.hosting import WILDCARDS, WRONG_SETTING, StartError

if TYPE_CHECKING:
    from cryptography.x509 import GeneralName

    from mocksrv.engine.config import Config

NAMES = ("localhost", "*.localhost", "127.0.0.1", "::1", "host.docker.internal")
LASTS = timedelta(days=397)  # Safari refuses longer ones (Apple, "About upcoming limits on trusted certificates")
EARLIER = timedelta(days=1)  # for clients whose clocks are slow


def context_of(config: Config) -> ssl.SSLContext | None:
    """What a server of this configuration shows its clients; None: it speaks plain HTTP. Raises StartError."""
    if config.tls_cert and config.tls_key:
        return _load(config.tls_cert, config.tls_key)
    if not config.tls:
        return None
    own = OwnCertificate(config)
    try:
        return _load(own.cert, own.key)
    finally:
        own.close()


class OwnCertificate:
    """A certificate that a server makes for itself, in a folder that only its owner may look into and that goes with
    the process: ``cert`` is the file by which clients trust it, ``key`` its key. Raises StartError.
    """

    def __init__(self, config: Config) -> None:
        try:
            self._folder = TemporaryFolder()
            self.cert, self.key = self._folder.path / "cert.pem", self._folder.path / "key.pem"
            for file, text in zip((self.cert, self.key), _make(_names(config)), strict=True):
                file.write_bytes(text)
        except OSError as error:
            raise StartError(f"the certificate cannot be written: {error.strerror}", setting="tls") from None

    def close(self) -> None:
        """Removes the files."""
        self._folder.close()


def _load(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except ssl.SSLError as error:
        raise StartError(
            f"{cert} and {key} are no certificate with its key, both PEM and without a password ({error.reason})",
            WRONG_SETTING,
            setting="tls-cert",
        ) from None
    except OSError as error:
        raise StartError(f"{error.filename or cert}: {error.strerror}", WRONG_SETTING, setting="tls-cert") from None
    return context


def _no_password() -> str:
    """Nobody is asked for one at the terminal."""
    return ""


def _names(config: Config) -> list[str]:
    """Under which this server is called."""
    own = {gethostname(), *(name for name in config.allow_host if ":" not in name and "?" not in name)}
    if config.host not in WILDCARDS:
        own.add(config.host)
    if public := urlsplit(config.public_url or "").hostname:
        own.add(public)
    return [*NAMES, *sorted(name for name in own if name and name.isascii() and name not in NAMES)]


def _make(names: list[str]) -> tuple[bytes, bytes]:
    """A certificate for these names and addresses, and its key, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mocksrv")])
    now = datetime.fromtimestamp(wall_ms() / 1000, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now - EARLIER + LASTS)
        .add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), pem


def _general(name: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
