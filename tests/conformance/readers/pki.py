"""Has openssl judge every certificate and key that a rendering hands out.

Usage: pki.py RENDERED
In:  the machines' extracted files, admin.kubeconfig, manifest.json, the secrets bundle, freshly minted. Out: verdicts.
Key material is compared here and handed to openssl in files of a private directory; none is printed.
"""

import base64
import datetime
import hashlib
import os
import re
import subprocess
import sys
import tempfile

import yaml

import rendered
from checks import Checks

PKI = "/etc/kubespore/pki"
# certificate authority → its subject, the one kubeadm would give it.
AUTHORITIES = {"ca": "kubernetes", "front-proxy-ca": "front-proxy-ca", "etcd/ca": "etcd-ca"}
HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


def openssl(*arguments, data=None):
    """Runs openssl: (exit status, standard output, standard error)."""
    done = subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def one(*arguments):
    """openssl's standard output as text; empty when it failed."""
    return openssl(*arguments)[1].decode(errors="replace").strip()


def public_key_of_certificate(path):
    """DER SubjectPublicKeyInfo of a certificate."""
    pem = openssl("x509", "-in", path, "-noout", "-pubkey")[1]
    return openssl("pkey", "-pubin", "-outform", "DER", data=pem)[1]


def public_key_of_key(path):
    """DER SubjectPublicKeyInfo of a private key."""
    return openssl("pkey", "-in", path, "-pubout", "-outform", "DER")[1]


def date(path, which):
    """notBefore or notAfter (`startdate`, `enddate`)."""
    text = one("x509", "-in", path, "-noout", f"-{which}", "-dateopt", "iso_8601").split("=", 1)[1]
    return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)


def extension(path, name):
    """One extension as openssl prints it, on one line."""
    return " ".join(one("x509", "-in", path, "-noout", "-ext", name).split())


def key_identifier(path, name):
    """The hex of a key identifier extension."""
    found = re.search(r"(?:keyid:)?((?:[0-9A-F]{2}:)+[0-9A-F]{2})", extension(path, name))
    return found.group(1) if found else None


def check_dates(checks, subject, path, days):
    """Backdated about a day, living `days` from now or from then, give or take two days."""
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = date(path, "startdate"), date(path, "enddate")
    checks.true(f"{subject} begins a day ago", abs(now - DAY - start) < HOUR, f"begins {start}, now is {now}")
    checks.true(f"{subject} lives {days} days", abs((end - now).days - days) <= 2, f"ends {end}")


def check_serial(checks, subject, path):
    """Random and at least 64 bits long: a 16-byte or so number, never a small count."""
    serial = int(one("x509", "-in", path, "-noout", "-serial").split("=", 1)[1], 16)
    checks.true(f"{subject} serial", serial.bit_length() > 48 and serial > 0, f"{serial.bit_length()} bits")


def check_authority(checks, subject, path, key, name):
    """A self-signed CA that openssl accepts strictly, with the extensions that matter, and its own key."""
    status, _, said = openssl("verify", "-x509_strict", "-check_ss_sig", "-CAfile", path, path)
    checks.true(f"{subject} verifies", status == 0, said.strip()[-300:])
    checks.same(f"{subject} name", one("x509", "-in", path, "-noout", "-subject", "-nameopt", "RFC2253"), f"subject=CN={name}")
    constraints = extension(path, "basicConstraints")
    checks.true(f"{subject} CA:TRUE critical", "critical CA:TRUE" in constraints, constraints)
    usage = extension(path, "keyUsage")
    checks.true(
        f"{subject} key usage", all(w in usage for w in ("critical", "Certificate Sign", "CRL Sign")), usage
    )
    own, parent = key_identifier(path, "subjectKeyIdentifier"), key_identifier(path, "authorityKeyIdentifier")
    checks.true(f"{subject} key identifiers", own and own == parent, f"SKI {own}, AKI {parent}")
    purposes = one("x509", "-in", path, "-noout", "-purpose")
    for purpose in ("SSL client CA", "SSL server CA"):
        checks.true(f"{subject} purpose {purpose}", f"{purpose} : Yes" in purposes, "openssl says no")
    check_dates(checks, subject, path, 3650)
    check_serial(checks, subject, path)
    if key:
        status, _, said = openssl("pkey", "-in", key, "-check", "-noout")
        checks.true(f"{subject} key is sound", status == 0, said.strip()[-300:])
        checks.true(f"{subject} key matches", public_key_of_key(key) == public_key_of_certificate(path), "another key")


def check_bundle(checks, directory, cluster):
    """Every piece of PKI on a machine is word for word a piece of the bundle."""
    with open(f"{directory}/bundle.secrets.yaml", "rb") as handle:
        bundle = yaml.safe_load(handle)
    pieces = set()

    def gather(value):
        if isinstance(value, str):
            pieces.add(value)
        elif isinstance(value, dict):
            for item in value.values():
                gather(item)
        elif isinstance(value, list):
            for item in value:
                gather(item)

    gather(bundle)
    for node in rendered.roles(directory):
        for path, here in rendered.machine_files(directory, node):
            if path.startswith(PKI + "/") or path.endswith("ca.crt"):
                with open(here, encoding="ascii") as handle:
                    content = handle.read()
                checks.true(f"{cluster}/{node} {path} is the bundle's", content in pieces, "not in the bundle")


def private_keys(directory, node):
    """The paths of a machine's files that hold a private key."""
    holding = []
    for path, here in rendered.machine_files(directory, node):
        with open(here, "rb") as handle:
            if b"PRIVATE KEY" in handle.read():
                holding.append(path)
    return holding


def check_member(checks, directory, cluster, node):
    """An etcd machine's certificates are for what they are used for, at its own address, by the etcd authority."""
    base = f"{directory}/machines/{node}{PKI}/etcd"
    address = rendered.manifest(directory)["nodes"][node]["address"].split("/")[0]
    for leaf, purposes in (("server", ("sslserver", "sslclient")), ("peer", ("sslserver", "sslclient")), ("healthcheck-client", ("sslclient",))):
        subject, path = f"{cluster}/{node} etcd/{leaf}", f"{base}/{leaf}.crt"
        for purpose in purposes:
            at = ["-verify_ip", address] if purpose == "sslserver" else []
            status, _, said = openssl("verify", "-x509_strict", "-CAfile", f"{base}/ca.crt", "-purpose", purpose, *at, path)
            checks.true(f"{subject} is good for {purpose}", status == 0, said.strip()[-300:])
        checks.true(f"{subject} key matches", public_key_of_key(f"{base}/{leaf}.key") == public_key_of_certificate(path), "another key")


def check_roles(checks, directory, cluster):
    """No private key of the cluster outside control planes but etcd machines' own; the public CA where the gate needs it."""
    for node, role in rendered.roles(directory).items():
        if role == "control-plane":
            continue
        own = []
        if role == "etcd":
            own = [f"{PKI}/etcd/{leaf}.key" for leaf in ("healthcheck-client", "peer", "server")]
            check_member(checks, directory, cluster, node)
        checks.same(f"{cluster}/{node} private keys", sorted(private_keys(directory, node)), own)
        early = rendered.machine_file(directory, node, "/etc/kubernetes/pki/ca.crt")
        checks.true(f"{cluster}/{node} leaves /etc/kubernetes/pki to kubeadm", early is None, "ca.crt is there before join")


def check_service_account(checks, subject, base):
    """sa.pub is sa.key's public half."""
    with open(f"{base}/sa.pub", "rb") as handle:
        public = openssl("pkey", "-pubin", "-outform", "DER", data=handle.read())[1]
    checks.true(f"{subject} sa.pub belongs to sa.key", public and public == public_key_of_key(f"{base}/sa.key"), "another key")


def check_hash(checks, directory, cluster, ca):
    """openssl's discovery hash is the manifest's, the README's and every join document's."""
    want = "sha256:" + hashlib.sha256(public_key_of_certificate(ca)).hexdigest()
    with open(f"{directory}/out/manifest.json", encoding="utf-8") as handle:
        checks.true(f"{cluster} manifest.json has the discovery hash", f'"{want}"' in handle.read(), f"{want} is not in it")
    with open(f"{directory}/out/README.md", encoding="utf-8") as handle:
        checks.true(f"{cluster} README.md has the discovery hash", want in handle.read(), f"{want} is not in it")
    for node in rendered.roles(directory):
        join = rendered.machine_file(directory, node, "/etc/kubespore/kubeadm/join.yaml")
        for document in yaml.safe_load_all(join or b""):
            token = (document or {}).get("discovery", {}).get("bootstrapToken", {})
            if token:
                checks.same(f"{cluster}/{node} caCertHashes", token.get("caCertHashes"), [want])


def check_administrator(checks, directory, cluster, ca, scratch):
    """admin.kubeconfig: the endpoint, our CA, and a client certificate that it issued for a year."""
    path = f"{directory}/out/admin.kubeconfig"
    subject = f"{cluster} admin.kubeconfig"
    checks.same(f"{subject} mode", f"{os.stat(path).st_mode & 0o7777:04o}", "0600")
    with open(path, "rb") as handle:
        config = yaml.safe_load(handle)
    profile = rendered.profile(directory)
    the_cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    checks.same(f"{subject} server", the_cluster["server"], f"https://{profile['controlPlaneEndpoint']}")
    with open(ca, "rb") as handle:
        embedded = base64.b64decode(the_cluster["certificate-authority-data"])
        checks.true(f"{subject} CA", embedded == handle.read(), "not the cluster's")
    certificate, key = f"{scratch}/admin.crt", f"{scratch}/admin.key"
    for target, field in ((certificate, "client-certificate-data"), (key, "client-key-data")):
        with open(target, "wb") as handle:
            handle.write(base64.b64decode(user[field]))
    status, _, said = openssl("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", ca, certificate)
    checks.true(f"{subject} certificate verifies", status == 0, said.strip()[-300:])
    status, _, _ = openssl("verify", "-purpose", "sslserver", "-CAfile", ca, certificate)
    checks.true(f"{subject} certificate is for clients alone", status != 0, "openssl takes it for a server's, too")
    checks.true(f"{subject} key matches", public_key_of_key(key) == public_key_of_certificate(certificate), "another key")
    minor = int(profile["kubernetesVersion"].lstrip("v").split(".")[1])
    group = "kubeadm:cluster-admins" if minor >= 29 else "system:masters"
    checks.same(
        f"{subject} subject",
        sorted(one("x509", "-in", certificate, "-noout", "-subject", "-nameopt", "RFC2253").split("=", 1)[1].split(",")),
        ["CN=kubernetes-admin", f"O={group}"],
    )
    check_dates(checks, subject, certificate, 365)
    check_serial(checks, subject, certificate)


def main(directory):
    """Judges one rendering."""
    os.umask(0o077)
    checks = Checks()
    cluster = os.path.basename(directory)
    roles = rendered.roles(directory)
    planes = [node for node, role in roles.items() if role == "control-plane"]
    founder = f"{directory}/machines/{planes[0]}{PKI}"
    keys = set()
    # Whose keys are on no machine: etcd's where it has machines of its own, both besides the cluster's under `reduced`.
    kept = {"etcd/ca"} if "etcd" in roles.values() else set()
    if rendered.profile(directory).get("pki", {}).get("distribution") == "reduced":
        kept |= {"etcd/ca", "front-proxy-ca"}
    for authority, name in AUTHORITIES.items():
        path, key = f"{founder}/{authority}.crt", f"{founder}/{authority}.key"
        if authority in kept:
            for node in roles:
                held = private_keys(directory, node)
                checks.true(f"{cluster}/{node} cannot sign for {authority}", f"{PKI}/{authority}.key" not in held, "it holds the key")
            key = None
        check_authority(checks, f"{cluster} {authority}", path, key, name)
        keys.add(public_key_of_certificate(path))
    checks.same(f"{cluster} authorities with keys of their own", len(keys), len(AUTHORITIES))
    check_service_account(checks, cluster, founder)
    check_bundle(checks, directory, cluster)
    check_roles(checks, directory, cluster)
    check_hash(checks, directory, cluster, f"{founder}/ca.crt")
    with tempfile.TemporaryDirectory() as scratch:
        check_administrator(checks, directory, cluster, f"{founder}/ca.crt", scratch)
    checks.finish()


if __name__ == "__main__":
    main(*sys.argv[1:])
