"""A real LDAP server (OpenLDAP's slapd) with a directory of the test's own, on loopback."""

import contextlib
import socket
import subprocess
import time
from pathlib import Path

import trustme

from tests.running import START_SECONDS, free_port

BASE = "dc=example,dc=org"
SEARCHER, SECRET = f"cn=davserver,{BASE}", "the searcher's password"
PASSWORD = "ann's password"

_CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb.la
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{searcher}" read by * auth
"""
_DATA = """\
dn: {base}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: {searcher}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: davserver
userPassword: {secret}

dn: ou=people,{base}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{base}
objectClass: organizationalUnit
ou: groups

dn: uid=ann,ou=people,{base}
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: Example
mail: ann@example.org
userPassword: {password}

dn: cn=Bob (the builder)\\2C Jr.,ou=people,{base}
objectClass: inetOrgPerson
uid: bob
cn: Bob (the builder), Jr.
sn: Example
mail: bob@example.org
userPassword: {password}

dn: uid=twin1,ou=people,{base}
objectClass: inetOrgPerson
uid: twin1
cn: Twin
sn: Example
mail: twins@example.org
userPassword: {password}

dn: uid=twin2,ou=people,{base}
objectClass: inetOrgPerson
uid: twin2
cn: Twin
sn: Example
mail: twins@example.org
userPassword: {password}

dn: cn=staff,ou=groups,{base}
objectClass: groupOfNames
cn: staff
member: uid=ann,ou=people,{base}
member: cn=Bob (the builder)\\2C Jr.,ou=people,{base}

dn: cn=admins,ou=groups,{base}
objectClass: groupOfNames
cn: admins
member: uid=ann,ou=people,{base}
"""


class Slapd:
    """The server: by StartTLS at ``url``, by TLS at ``secure_url``, with the authority ``ca``."""

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.ca = folder / "ca.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca)
        certificate = authority.issue_cert(host)
        certificate.private_key_pem.write_to_path(folder / "server.key")
        for part in certificate.cert_chain_pems:
            part.write_to_path(folder / "server.pem", append=True)
        (folder / "data").mkdir()
        words = {"folder": folder, "base": BASE, "searcher": SEARCHER}
        config, data = folder / "slapd.conf", folder / "data.ldif"
        config.write_text(_CONFIG.format(**words))
        data.write_text(_DATA.format(secret=SECRET, password=PASSWORD, **words))
        subprocess.run(
            ["/usr/sbin/slapadd", "-q", "-f", config, "-l", data], check=True, timeout=60
        )
        port, secure_port = free_port(), free_port()
        self.url, self.secure_url = f"ldap://127.0.0.1:{port}", f"ldaps://127.0.0.1:{secure_port}"
        # With -d it stays in the foreground; 0 says nothing.
        self._process = subprocess.Popen(
            ["/usr/sbin/slapd", "-f", config, "-h", f"{self.url} {self.secure_url}", "-d", "0"]
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.05)
        raise AssertionError("slapd did not start")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
