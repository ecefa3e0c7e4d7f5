//! Secrets planted through a profile's `files:`, in every form in which somebody may have them: no render hands them on.
//!
//! Every form lies on a machine of its own, so that one render says of all of them whether they are found.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use kubespore::image::{cpio, fat, iso9660};

use crate::support::{self, Scratch};

/// A secret in the bundle `bundle` of the cluster that `profile` describes.
struct Planted {
    profile: &'static str,
    bundle: &'static str,
    /// What the refusal calls it.
    name: &'static str,
    /// The keys that lead to it in the bundle.
    at: &'static [&'static str],
}

const SINGLE: (&str, &str) = ("profiles/single-node.yaml", "tests/fixtures/bundles/single-node.yaml");
const ENCRYPTING: (&str, &str) = ("profiles/extra-args.yaml", "tests/fixtures/bundles/extra-args.yaml");
const OLD: (&str, &str) = ("profiles/kubeadm-1.14.yaml", "tests/fixtures/bundles/kubeadm-1.14.yaml");

const fn planted((profile, bundle): (&'static str, &'static str), name: &'static str, at: &'static [&'static str]) -> Planted {
    Planted { profile, bundle, name, at }
}

const SECRETS: [Planted; 7] = [
    planted(SINGLE, "cluster CA key", &["ca", "key"]),
    planted(SINGLE, "service-account key", &["service-account", "key"]),
    planted(SINGLE, "administrator's key", &["admin", "key"]),
    planted(SINGLE, "certificate key", &["certificate-key"]),
    planted(SINGLE, "bootstrap token of node-1", &["nodes", "node-1", "token"]),
    planted(ENCRYPTING, "encryption key", &["encryption-key", "secret"]),
    // RSA, of which the primes are the secret.
    planted(OLD, "etcd CA key", &["etcd-ca", "key"]),
];

/// Every form of any text.
fn forms(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let plain = text.as_bytes();
    let base64 = STANDARD.encode(plain);
    let wrapped = |divider: &str| lines(&base64).join(divider);
    let all = |each: &dyn Fn(u8) -> String| plain.iter().map(|byte| each(*byte)).collect::<String>();
    let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
    let archive = |content: &[u8]| cpio::write(&[("etc/planted", content)]).expect("an archive");
    let early = cpio::write(&[("kernel/x86/microcode", b"1")]).expect("an archive");
    let json = |text: &str| serde_json::to_string(text).expect("text");
    let texts = [
        ("plain", text.to_owned()),
        ("indented", format!("x:\n{}", text.lines().map(|line| format!("     {line}\n")).collect::<String>())),
        ("in JSON", json(text)),
        ("in JSON in JSON", json(&json(text))),
        ("shell-quoted lines", text.lines().map(|line| format!("'{line}'\n")).collect()),
        ("base64", base64.clone()),
        ("base64 glued to a word", format!("x{base64}")),
        ("base64 for URLs", URL_SAFE_NO_PAD.encode(plain)),
        ("base64, wrapped", wrapped("\n")),
        ("base64, wrapped with CR LF", wrapped("\r\n")),
        ("base64, wrapped and indented", format!("k: |\n   {}\n", wrapped("\n   "))),
        ("base64, wrapped in JSON", format!("{{\"k\":{}}}", json(&wrapped("\n")))),
        ("base64, wrapped in a quoted scalar", format!("k: \"{}\"\n", wrapped("\n  "))),
        ("base64, wrapped from behind its key on", format!("k: {}\n", wrapped("\n  "))),
        ("base64, lines continued with a backslash", wrapped("\\\n")),
        ("base64, every line quoted", format!("'{}'", wrapped("'\n'"))),
        ("base64, a list of lines", format!("- {}\n", wrapped("\n- "))),
        ("base64, lines behind a hash", format!("# {}\n", wrapped("\n# "))),
        ("base64 twice", STANDARD.encode(wrapped("\n"))),
        ("base64 six times", (0..5).fold(base64.clone(), |inner, _| STANDARD.encode(inner))),
        ("hex", all(&|byte| format!("{byte:02x}"))),
        ("upper-case hex", all(&|byte| format!("{byte:02X}"))),
        ("hex in a table of C", all(&|byte| format!("0x{byte:02x}, "))),
        ("hex with colons", all(&|byte| format!("{byte:02x}:"))),
        ("\\x", all(&|byte| format!("\\x{byte:02x}"))),
        ("\\u in JSON", all(&|byte| format!("\\u{byte:04x}"))),
        ("octal", all(&|byte| format!("\\{byte:03o}"))),
        ("data URL, base64", format!("data:;base64,{base64}")),
        ("data URL, base64 wrapped", format!("data:;base64,{}", wrapped("%0A"))),
        ("data URL, percent", format!("data:,{}", all(&|byte| format!("%{byte:02X}")))),
        (
            "quoted-printable, named after other words",
            format!(
                "A quoted-string, then:\nContent-Transfer-Encoding: QUOTED-PRINTABLE\n\n{}",
                text.replace('=', "=3D").replace('M', "=\nM")
            ),
        ),
        (
            "quoted-printable",
            format!("Content-Transfer-Encoding: quoted-printable\n\n{}", text.replace('=', "=3D").replace('M', "=\nM")),
        ),
    ];
    let bytes = [
        ("UTF-16, lower byte first", utf16(u16::to_le_bytes)),
        ("UTF-16, higher byte first", utf16(u16::to_be_bytes)),
        ("gzip", gzip(plain)),
        ("gzip in base64", STANDARD.encode(gzip(plain)).into_bytes()),
        ("gzip in wrapped base64", lines(&STANDARD.encode(gzip(plain))).join("\\n").into_bytes()),
        ("gzip behind a script", [b"#!/bin/sh\ntail -c +40 $0 | gunzip\nexit\n", gzip(plain).as_slice()].concat()),
        ("gzip behind gzip", [gzip(b"x"), gzip(plain)].concat()),
        ("cut in two and gzipped", [gzip(&plain[..plain.len() / 2]), gzip(&plain[plain.len() / 2..])].concat()),
        ("gzip with its end cut off", gzip(plain)[..gzip(plain).len() - 8].to_vec()),
        ("zlib", zlib(plain)),
        ("zip", zip(plain)),
        ("ISO 9660", iso9660::write("x", &[("a", plain)]).expect("an image")),
        ("ISO 9660, gzipped", gzip(&iso9660::write("x", &[("a", base64.as_bytes())]).expect("an image"))),
        ("FAT", fat::write("x", &[("a", plain)]).expect("an image")),
        ("cpio", archive(plain)),
        ("cpio, gzipped", gzip(&archive(base64.as_bytes()))),
        ("cpio behind cpio", [early.clone(), archive(plain)].concat()),
        ("cpio, gzipped behind cpio", [early.clone(), gzip(&archive(plain))].concat()),
        ("cpio behind cpio, gzipped", [gzip(&early), archive(&gzip(plain))].concat()),
    ];
    texts.into_iter().map(|(name, text)| (name, text.into_bytes())).chain(bytes).collect()
}

/// Forms of a private key that are other texts than the bundle's.
fn forms_of_key(pem: &str) -> Vec<(&'static str, Vec<u8>)> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let pkcs8 = STANDARD.decode(body).expect("the fixture's key is PEM");
    // RFC 5958: the key as its own standard writes it is the third element, an OCTET STRING.
    let (_, outer) = x509_parser::der_parser::parse_der(&pkcs8).expect("DER");
    let own = outer.as_sequence().expect("a sequence")[2].as_slice().expect("octets");
    let rewritten = |label: &str, der: &[u8]| {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines(&STANDARD.encode(der)).join("\n"))
    };
    let label = if pkcs8.len() > 1000 { "RSA PRIVATE KEY" } else { "EC PRIVATE KEY" };
    let dump = |der: &[u8]| der.iter().map(|byte| format!("{byte:02x}:")).collect::<Vec<_>>();
    let secret = dump(&secret_number(own));
    let dumped = format!("priv:\n    {}", secret.chunks(15).map(|line| line.concat()).collect::<Vec<_>>().join("\n    "));
    vec![
        ("PKCS#8 DER", pkcs8.clone()),
        ("PKCS#8 DER, gzipped", gzip(&pkcs8)),
        ("PEM, wrapped otherwise", rewritten("PRIVATE KEY", &pkcs8).into_bytes()),
        ("its own DER", own.to_vec()),
        ("its own PEM", rewritten(label, own).into_bytes()),
        ("its own PEM in base64", STANDARD.encode(rewritten(label, own)).into_bytes()),
        ("JSON Web Key", format!("{{\"kty\":\"x\",\"d\":\"{}\"}}", URL_SAFE_NO_PAD.encode(secret_number(own))).into_bytes()),
        ("as openssl prints it", dumped.into_bytes()),
    ]
}

/// The scalar of a SEC 1 key, the private exponent of a PKCS#1 one.
fn secret_number(der: &[u8]) -> Vec<u8> {
    let (_, key) = x509_parser::der_parser::parse_der(der).expect("DER");
    let elements = key.as_sequence().expect("a sequence");
    let number = if elements.len() > 5 { &elements[3] } else { &elements[1] };
    number.as_slice().expect("bytes").to_vec()
}

fn lines(text: &str) -> Vec<String> {
    text.as_bytes().chunks(24).map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(b"x".to_vec(), Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

/// A member as a program writes it that does not know its size beforehand.
fn zip(bytes: &[u8]) -> Vec<u8> {
    let mut header = b"PK\x03\x04\x14\0\x08\0\x08\0".to_vec();
    header.resize(26, 0);
    header.extend([1, 0, 4, 0]);
    header.extend(b"a\x01\x02\x03\x04");
    let mut encoder = DeflateEncoder::new(header, Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

/// Writes a profile of a machine more for each form, which is given it as a file.
fn profile(scratch: &Scratch, base: &str, forms: &[(&str, Vec<u8>)]) -> std::path::PathBuf {
    let mut text = fs::read_to_string(base).expect("the example");
    for (place, (_, content)) in forms.iter().enumerate() {
        scratch.write(&format!("planted/{place}"), content);
        let network = match base {
            base if base == OLD.0 => "192.168.80",
            base if base == ENCRYPTING.0 => "192.168.0",
            _ => "10.0.0",
        };
        text.push_str(&format!(
            "  - {{name: w-{place}, role: worker, address: {network}.{}/24, mac: \"52:54:00:00:02:{place:02x}\", \
             files: [{{path: /root/planted, from: planted/{place}}}]}}\n",
            140 + place
        ));
    }
    scratch.write("lab.yaml", text)
}

fn render(scratch: &Scratch, profile: &Path, bundle: &str) -> crate::support::Ran {
    let secrets = scratch.write("lab.secrets.yaml", fs::read(bundle).expect("the fixture"));
    fs::set_permissions(&secrets, fs::Permissions::from_mode(0o600)).expect("own file");
    let out = scratch.path("out/lab");
    support::render(profile, &secrets, &out, &[])
}

fn value(bundle: &str, at: &[&str]) -> String {
    let mut node: serde_json::Value = serde_saphyr::from_str(&fs::read_to_string(bundle).expect("the fixture")).expect("YAML");
    for key in at {
        node = node[key].take();
    }
    node.as_str().expect("text").to_owned()
}

fn every_form(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut all = forms(secret);
    if secret.starts_with("-----BEGIN") {
        all.extend(forms_of_key(secret));
    }
    all
}

#[test]
fn a_secret_in_a_users_file_is_found_in_every_form() {
    let mut missed = Vec::new();
    for Planted { profile: base, bundle, name, at } in SECRETS {
        let scratch = Scratch::new();
        let secret = value(bundle, at);
        let forms = every_form(&secret);
        let said = render(&scratch, &profile(&scratch, base, &forms), bundle).code(1).stderr();
        for (place, (form, _)) in forms.iter().enumerate() {
            if !said.contains(&format!("{name} in nodes/w-{place}/user-data")) {
                missed.push(format!("{name}: {form}"));
            }
        }
        assert!(!said.contains(secret.trim()), "{name}: it is not repeated");
        assert!(!scratch.path("out/lab").exists(), "{name}: nothing is written");
    }
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
}

/// Another cluster's secrets are not this one's business.
#[test]
fn what_is_no_secret_of_the_cluster_is_left_alone_in_every_form() {
    let scratch = Scratch::new();
    let foreign = value("tests/fixtures/bundles/ha-stacked.yaml", &["ca", "key"]);
    render(&scratch, &profile(&scratch, SINGLE.0, &every_form(&foreign)), SINGLE.1).code(0);
}
