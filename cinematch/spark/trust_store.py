"""The certificates that Spark's JVM trusts: those that our settings name, and the public ones.

MongoDB's connector and S3A have no option for a CA file; both take the JVM's trust store. So what the two settings name
is put together in one file that Java reads. It holds nothing secret, so its password says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore

from cinematch.errors import ConfigurationError
from cinematch.settings import Settings

PASSWORD: Final = "changeit"  # noqa: S105 - it protects what everybody may read
"""Java's own for what everybody may read; without one it reads no entry."""


def ca_files(settings: Settings) -> list[Path]:
    """Give the files that the JVM must know; none of them: its own trust store is right."""
    return [file for file in (settings.mongodb_ca_file, settings.s3_ca_file) if file is not None]


def write_trust_store(files: Iterable[Path], path: Path) -> None:
    """Write the store. Raises ConfigurationError."""
    found = [certificate for file in (*files, Path(certifi.where())) for certificate in _certificates(file)]
    entries = [PKCS12Certificate(it, f"ca-{number}".encode()) for number, it in enumerate(dict.fromkeys(found))]
    path.write_bytes(serialize_java_truststore(entries, BestAvailableEncryption(PASSWORD.encode())))


def trust_options(path: Path | str) -> str:
    """Give the options of a JVM that trusts a store; it reads the file when it first needs it."""
    names = {"": path, "Type": "PKCS12", "Password": PASSWORD}
    return " ".join(f"-Djavax.net.ssl.trustStore{name}={value}" for name, value in names.items())


def _certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except ValueError:
        raise ConfigurationError(f"{file} holds no certificates in PEM") from None
