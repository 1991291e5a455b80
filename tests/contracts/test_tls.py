"""A database server on another machine: it speaks TLS and is who it should be, or nothing is said to it."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from sqlalchemy import text

from tests.servers import NoServer, mariadb_of_our_own, missing
from tidings.adapters.mysql.engine import DatabaseUnavailable, mysql_database

pytestmark = [pytest.mark.anyio, pytest.mark.mysql]


class Authority:
    """Signs certificates, and keeps its own in a file."""

    def __init__(self, folder, name):
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        itself = self._certificate(self.name, self.key.public_key(), x509.BasicConstraints(True, None))
        self.file.write_bytes(itself.public_bytes(Encoding.PEM))

    def certify(self, folder, address):
        """Files of a certificate for this address and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a database")])
        known_as = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        made = self._certificate(name, key.public_key(), known_as)
        certificate, secret = folder / "server.pem", folder / "server.key"
        certificate.write_bytes(made.public_bytes(Encoding.PEM))
        secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
        return certificate, secret

    def _certificate(self, name, key, extension):
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=False)
        )
        return builder.sign(self.key, hashes.SHA256())


async def cipher(url, authority):
    """What the connection is encrypted with."""
    database = mysql_database(f"{url}mysql", tls=ssl.create_default_context(cafile=authority.file))
    try:
        async with database.begin() as connection:
            return (await connection.execute(text("SHOW STATUS LIKE 'Ssl_cipher'"))).one()[1]
    finally:
        await database.close()


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A server whose certificate says 127.0.0.1, its authority, and another authority."""
    folder = tmp_path_factory.mktemp("tls")
    ours, other = Authority(folder, "ours"), Authority(folder, "other")
    certificate, key = ours.certify(folder, "127.0.0.1")
    options = (f"--ssl-cert={certificate}", f"--ssl-key={key}", f"--ssl-ca={ours.file}")
    try:
        with mariadb_of_our_own(tmp_path_factory.mktemp("mariadb-tls"), *options) as url:
            yield url, ours, other
    except NoServer as none:
        missing(str(none))


async def test_a_server_with_the_right_certificate_is_spoken_to_in_cipher(places):
    url, ours, _ = places
    assert await cipher(url, ours)


async def test_a_server_of_another_authority_is_refused(places):
    url, _, other = places
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        await cipher(url, other)


async def test_a_certificate_of_another_name_is_refused(places):
    url, ours, _ = places
    with pytest.raises(DatabaseUnavailable):
        await cipher(url.replace("127.0.0.1", "localhost"), ours)


async def test_a_server_without_tls_is_refused(places, mariadb_server):
    _, ours, _ = places
    with pytest.raises(DatabaseUnavailable):
        await cipher(mariadb_server.url, ours)
