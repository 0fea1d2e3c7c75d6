"""Certificates made on the spot: an authority, and what it signs."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


class Authority:
    def __init__(self, directory: Path, name: str) -> None:
        """`{directory}/{name}.crt` is its certificate."""
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(f"fumewatch test {name}")
        certificate = (
            _begun(self._name, self._name, self._key, timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_may(key_cert_sign=True, crl_sign=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file = _write(directory / f"{name}.crt", certificate)

    def issue(
        self,
        name: str,
        common_name: str,
        *hosts: str,
        lasts: timedelta = timedelta(days=30),
    ) -> tuple[Path, Path]:
        """(certificate, key) in files called `name`; of a server where it has hosts."""
        key = ec.generate_private_key(ec.SECP256R1())
        begun = _begun(_named(common_name), self._name, key, lasts)
        if hosts:
            begun = begun.add_extension(
                x509.SubjectAlternativeName(list(map(_host, hosts))), critical=False
            )
        certificate = begun.sign(self._key, hashes.SHA256())
        key_file = self._directory / f"{name}.key"
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return _write(self._directory / f"{name}.crt", certificate), key_file

    def withdraw(self, name: str, *certificates: Path) -> Path:
        """The list of what it has withdrawn."""
        now = datetime.now(UTC)
        begun = x509.CertificateRevocationListBuilder(self._name, now - _DAY, now + _DAY)
        for file in certificates:
            serial = x509.load_pem_x509_certificate(file.read_bytes()).serial_number
            gone = x509.RevokedCertificateBuilder(serial, now - _DAY).build()
            begun = begun.add_revoked_certificate(gone)
        return _write(self._directory / name, begun.sign(self._key, hashes.SHA256()))


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    """Valid since 60 days ago: one that lasts less than nothing has expired."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 60 * _DAY)
        .not_valid_after(now + lasts)
    )


def _write(file: Path, made: x509.Certificate | x509.CertificateRevocationList) -> Path:
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return file


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _may(**rights: bool) -> x509.KeyUsage:
    none = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    return x509.KeyUsage(**{**none, **rights})
