"""The local certificate authority of a sandbox, and the files by which programs trust it.

It is made on first use and kept in the data folder, readable by this user alone. It signs a
certificate for a host the first time that a client asks for it, and only for hosts that the sandbox
answers for. No program trusts it but those that are started with the sandbox's environment.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from trustme import CA

__all__ = ["OWN_NAMES", "TRUSTSTORE_PASSWORD", "Authority", "TrustFiles"]

OWN_NAMES: Final = ("localhost", "127.0.0.1", "::1")
"""Names of this machine, which have one certificate."""

TRUSTSTORE_PASSWORD: Final = "changeit"
"""Password of the Java truststore: the usual one, for it holds nothing secret."""
_KEY: Final = "authority.key"
_CERTIFICATE: Final = "authority.pem"
_MOST_HOSTS: Final = 256
"""Largest number of hosts whose certificates are kept."""
_SYSTEM_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/opt/homebrew/etc/ca-certificates/cert.pem",
)
"""Where systems keep the authorities that they trust."""


class Authority:
    """A certificate authority whose key and certificate are in one folder."""

    def __init__(self, folder: Path) -> None:
        """Read the authority in a folder, or make one there. Raises OSError."""
        self.folder = folder
        self._ca = _stored(folder) or _new(folder)
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()

    @property
    def certificate(self) -> bytes:
        """The authority's certificate in PEM."""
        return bytes(self._ca.cert_pem.bytes())

    @property
    def certificate_file(self) -> Path:
        """The file that holds the authority's certificate alone."""
        return self.folder / _CERTIFICATE

    def context(self, host: str) -> ssl.SSLContext:
        """Return a server's TLS context with a certificate for a host.

        Raises ValueError for what is no host name or address.
        """
        found = self._contexts.get(host)
        if found is None:
            found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            found.set_alpn_protocols(["http/1.1"])
            try:
                names = OWN_NAMES if host in OWN_NAMES else (host,)
                self._ca.issue_cert(*names).configure_cert(found)
            except UnicodeError as error:
                raise ValueError(str(error)) from None
            self._contexts[host] = found
            if len(self._contexts) > _MOST_HOSTS:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(host)
        return found

    def trust_files(self) -> TrustFiles:
        """Write the files by which programs trust this authority. Raises OSError."""
        return TrustFiles(self)


def _stored(folder: Path) -> CA | None:
    """Return the authority in a folder; None where there is none, or a damaged one."""
    from trustme import CA

    try:
        # A damaged one is replaced: all that trust it are started after this.
        certificate, key = (folder / _CERTIFICATE).read_bytes(), (folder / _KEY).read_bytes()
        ca = CA.from_pem(certificate, key)
        ca.issue_cert("localhost").configure_cert(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    except (OSError, ValueError, TypeError):
        return None
    return ca


def _new(folder: Path) -> CA:
    """Make an authority, and store it in a folder. Raises OSError."""
    from trustme import CA

    ca = CA(path_length=0, organization_name="mediasim", organization_unit_name="mediasim sandbox")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(folder / _KEY, ca.private_key_pem.bytes())
    _write(folder / _CERTIFICATE, ca.cert_pem.bytes())
    return ca


def _write(file: Path, content: bytes) -> None:
    """Write a file that this user alone may read, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=file.parent)  # mkstemp's are 0600
    try:
        with open(descriptor, "wb") as opened:
            opened.write(content)
        os.replace(name, file)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


class TrustFiles:
    """Files that name the authority together with those that this machine trusts already.

    Programs take them by environment variables, each in place of its own list.
    """

    def __init__(self, authority: Authority) -> None:
        """Write the files into the authority's folder. Raises OSError."""
        folder = authority.folder
        self.authority = authority.certificate_file
        """The authority's certificate alone, for programs that add it to their own list."""
        self.bundle = folder / "bundle.pem"
        """All certificates, in PEM."""
        self.truststore = folder / "truststore.p12"
        """All certificates, for Java."""
        self.php = folder / "php"
        """A folder with settings of PHP that name the bundle."""
        trusted = _trusted_already()
        _write(self.bundle, trusted.rstrip(b"\n") + b"\n" + authority.certificate)
        _write(self.truststore, _java_truststore(self.bundle.read_bytes()))
        self.php.mkdir(mode=0o700, exist_ok=True)
        settings = f'curl.cainfo="{self.bundle}"\nopenssl.cafile="{self.bundle}"\n'
        _write(self.php / "mediasim.ini", settings.encode())


def _trusted_already() -> bytes:
    """Return the certificates that this machine trusts, in PEM; empty where none are found.

    SSL_CERT_FILE has priority over the system's list, and that over certifi's.
    """
    paths = ssl.get_default_verify_paths()
    files = [os.environ.get("SSL_CERT_FILE"), paths.cafile, paths.openssl_cafile, *_SYSTEM_BUNDLES]
    with contextlib.suppress(ImportError):
        import certifi

        files.append(certifi.where())
    for file in files:
        with contextlib.suppress(OSError):
            if file and (found := Path(file).read_bytes()).count(b"BEGIN CERTIFICATE"):
                return found
    return b""


def _java_truststore(bundle: bytes) -> bytes:
    """Return the certificates of a bundle as a PKCS #12 file that Java trusts."""
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

    entries = [
        pkcs12.PKCS12Certificate(each, f"authority {number}".encode())
        for number, each in enumerate(_certificates(bundle))
    ]
    encryption = BestAvailableEncryption(TRUSTSTORE_PASSWORD.encode())
    return pkcs12.serialize_java_truststore(entries, encryption)


def _certificates(bundle: bytes) -> list[Certificate]:
    """Return the certificates of a bundle, without those that cannot be read."""
    from cryptography import x509

    begin, found = b"-----BEGIN CERTIFICATE-----", list[x509.Certificate]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some are odd, and were trusted all the same
        for block in bundle.split(begin)[1:]:
            with contextlib.suppress(ValueError):
                found.append(x509.load_pem_x509_certificate(begin + block))
    return found
