//! The bundle's text: YAML with every value quoted or a literal block.
//!
//! In: a bundle, or a text. Out: the other. Absent on purpose: quoting the text in a message, since any line
//! may be a secret; and files (`store`).

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::{Zeroize, Zeroizing};

use super::bundle::{Bundle, CertifiedKey, NodeSecrets, ServiceAccount, Token, instant};
use super::leaf::Leaf;
use crate::secret::Secret;
use crate::yaml::{self, Kind, Node, Yaml};

const API_VERSION: &str = "kubespore.secrets/v1";
const HEAD: &str = "\
# Secrets of one cluster: its identity. Keep this file secret, and keep a copy: without it no machine can be added,
# and a newly minted one makes another cluster. `kubespore render` only ever adds to it.
";

/// Tells whether a text begins as a bundle does.
pub fn names_itself(start: &[u8]) -> bool {
    let line = |line: &[u8]| line.starts_with(b"apiVersion:") && line.windows(18).any(|part| part == b"kubespore.secrets/");
    start.split(|byte| *byte == b'\n').any(line)
}

/// Writes a bundle.
pub fn encode(bundle: &Bundle) -> Zeroizing<String> {
    let text = |text: &str| Yaml::str(text);
    let pem = |text: &str| Yaml::Literal(text.to_owned());
    let pair = |pair: &CertifiedKey| Yaml::map([("certificate", pem(&pair.certificate)), ("key", pem(pair.key.expose()))]);
    let node = |node: &NodeSecrets| {
        let token = ("token".to_owned(), text(node.token.whole().expose()));
        let leaves = node.leaves.iter().map(|(leaf, issued)| (leaf.as_str().to_owned(), pair(issued)));
        Yaml::Map(std::iter::once(token).chain(leaves).collect())
    };
    let account = &bundle.service_account;
    let mut document = Yaml::map([
        ("apiVersion", text(API_VERSION)),
        ("cluster", text(&bundle.cluster)),
        ("cluster-id", text(&bundle.cluster_id)),
        ("generation", Yaml::Int(bundle.generation.into())),
        ("minted", text(&instant(bundle.minted))),
        ("found-until", text(&instant(bundle.found_until))),
        ("ca", pair(&bundle.ca)),
        ("front-proxy-ca", pair(&bundle.front_proxy_ca)),
        ("etcd-ca", pair(&bundle.etcd_ca)),
        ("service-account", Yaml::map([("public", pem(&account.public)), ("key", pem(account.key.expose()))])),
        ("certificate-key", text(bundle.certificate_key.expose())),
        ("admin", pair(&bundle.admin)),
        ("nodes", Yaml::Map(bundle.nodes.iter().map(|(name, secrets)| (name.clone(), node(secrets))).collect())),
    ]);
    let body = Zeroizing::new(yaml::to_string(&document));
    wipe_values(&mut document);
    Zeroizing::new([HEAD, &body].concat())
}

/// Reads a bundle.
///
/// # Errors
/// The first thing that is wrong, by the name of its field and the number of its line.
pub fn decode(text: &str) -> Result<Bundle, String> {
    let mut document = yaml::parse(text).map_err(|(_, at)| format!("line {}: it is not YAML there", line(text, at.start)))?;
    let bundle = read(&document, text);
    wipe_nodes(&mut document);
    bundle
}

fn read(document: &Node, text: &str) -> Result<Bundle, String> {
    let top = Fields::of(document, text, "the bundle")?;
    let api = top.text("apiVersion")?;
    if api != API_VERSION {
        let version = api.strip_prefix("kubespore.secrets/").map_or_else(|| "another".to_owned(), shown);
        return Err(format!("its apiVersion is {version}, and this program knows `{API_VERSION}`"));
    }
    let pair = |name: &str| -> Result<CertifiedKey, String> {
        let fields = top.fields(name)?;
        let pair = CertifiedKey { certificate: fields.text("certificate")?, key: Secret::new(fields.text("key")?) };
        fields.only(&["certificate", "key"]).map(|()| pair)
    };
    let account = top.fields("service-account")?;
    account.only(&["public", "key"])?;
    let mut nodes = BTreeMap::new();
    for (name, node) in top.fields("nodes")?.entries()? {
        let fields = Fields::of(node, text, &format!("nodes.{name}"))?;
        let mut known = vec!["token"];
        known.extend(Leaf::ALL.map(Leaf::as_str));
        fields.only(&known)?;
        let mut leaves = BTreeMap::new();
        for (key, _) in fields.entries()? {
            if let Ok(leaf) = key.parse::<Leaf>() {
                let issued = fields.fields(key)?;
                issued.only(&["certificate", "key"])?;
                let issued = CertifiedKey { certificate: issued.text("certificate")?, key: Secret::new(issued.text("key")?) };
                leaves.insert(leaf, issued);
            }
        }
        let token = Zeroizing::new(fields.text("token")?);
        let (id, secret) = token.split_once('.').ok_or_else(|| format!("`nodes.{name}.token` has no `.`"))?;
        nodes.insert(name.to_owned(), NodeSecrets { token: Token { id: id.to_owned(), secret: Secret::new(secret) }, leaves });
    }
    top.only(&[
        "apiVersion",
        "cluster",
        "cluster-id",
        "generation",
        "minted",
        "found-until",
        "ca",
        "front-proxy-ca",
        "etcd-ca",
        "service-account",
        "certificate-key",
        "admin",
        "nodes",
    ])?;
    Ok(Bundle {
        cluster: top.text("cluster")?,
        cluster_id: top.text("cluster-id")?,
        generation: top.text("generation")?.parse().map_err(|_| "`generation` is not a number")?,
        minted: top.instant("minted")?,
        found_until: top.instant("found-until")?,
        ca: pair("ca")?,
        front_proxy_ca: pair("front-proxy-ca")?,
        etcd_ca: pair("etcd-ca")?,
        service_account: ServiceAccount { public: account.text("public")?, key: Secret::new(account.text("key")?) },
        certificate_key: Secret::new(top.text("certificate-key")?),
        admin: pair("admin")?,
        nodes,
    })
}

/// Shows a key that looks like one; in a damaged file a secret may stand where a key is expected.
fn shown(key: &str) -> String {
    let plain = key.len() <= 40 && !key.contains('.') && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain { format!("`{key}`") } else { "what stands there".to_owned() }
}

/// Overwrites the secrets among a document's values.
fn wipe_values(document: &mut Yaml) {
    match document {
        Yaml::Str(text) | Yaml::Literal(text) => text.zeroize(),
        Yaml::Seq(items) => items.iter_mut().for_each(wipe_values),
        Yaml::Map(pairs) => pairs.iter_mut().for_each(|(_, value)| wipe_values(value)),
        Yaml::Null | Yaml::Bool(_) | Yaml::Int(_) | Yaml::Number(_) => {}
    }
}

/// Overwrites the secrets among a document's nodes.
fn wipe_nodes(document: &mut Node) {
    match &mut document.kind {
        Kind::Scalar(scalar) => {
            scalar.text.zeroize();
            if let Value::String(text) = &mut scalar.value {
                text.zeroize();
            }
        }
        Kind::Seq(items) => items.iter_mut().for_each(wipe_nodes),
        Kind::Map(pairs) => pairs.iter_mut().for_each(|pair| wipe_nodes(&mut pair.value)),
    }
}

fn line(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// A mapping under strict reading; faults name the field and its line, never what stands there.
struct Fields<'n> {
    node: &'n Node,
    text: &'n str,
    name: String,
}

impl<'n> Fields<'n> {
    fn of(node: &'n Node, text: &'n str, name: &str) -> Result<Self, String> {
        match &node.kind {
            Kind::Map(_) => Ok(Self { node, text, name: name.to_owned() }),
            _ => Err(format!("line {}: {name} is not a mapping", line(text, node.span.start))),
        }
    }

    fn entries(&self) -> Result<Vec<(&'n str, &'n Node)>, String> {
        let Kind::Map(pairs) = &self.node.kind else { return Ok(Vec::new()) };
        let mut seen = BTreeMap::new();
        for pair in pairs {
            if seen.insert(pair.key.as_str(), &pair.value).is_some() {
                let at = line(self.text, pair.key_span.start);
                return Err(format!("line {at}: {} stands twice in {}", shown(&pair.key), self.name));
            }
        }
        Ok(seen.into_iter().collect())
    }

    fn only(&self, known: &[&str]) -> Result<(), String> {
        self.entries()?;
        let Kind::Map(pairs) = &self.node.kind else { return Ok(()) };
        match pairs.iter().find(|pair| !known.contains(&pair.key.as_str())) {
            None => Ok(()),
            Some(pair) => {
                let (at, key) = (line(self.text, pair.key_span.start), shown(&pair.key));
                Err(format!("line {at}: {key} is not known in {}; a newer kubespore may have written it", self.name))
            }
        }
    }

    fn get(&self, key: &str) -> Result<&'n Node, String> {
        self.node.get(key).ok_or_else(|| format!("`{key}` is missing in {}", self.name))
    }

    fn fields(&self, key: &str) -> Result<Self, String> {
        Self::of(self.get(key)?, self.text, key)
    }

    fn text(&self, key: &str) -> Result<String, String> {
        match &self.get(key)?.kind {
            Kind::Scalar(scalar) if !scalar.value.is_null() => Ok(scalar.text.clone()),
            _ => Err(format!("`{key}` is not a text in {}", self.name)),
        }
    }

    fn instant(&self, key: &str) -> Result<OffsetDateTime, String> {
        OffsetDateTime::parse(&self.text(key)?, &Rfc3339)
            .map_err(|_| format!("`{key}` is not an instant such as 2026-01-31T12:00:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::redact;
    use crate::secrets::sample::{bundle, issued};

    fn refused(text: &str) -> String {
        decode(text).map(|_| ()).expect_err("it is damaged")
    }

    /// Everything in a bundle that no message may show.
    fn secrets(bundle: &Bundle) -> Vec<String> {
        let keys = bundle.certificates().map(|(_, pair)| pair.key.expose().to_owned());
        let keys = keys.into_iter().chain([bundle.service_account.key.expose().to_owned()]);
        let lines = keys.flat_map(|key| key.lines().filter(|line| !line.starts_with('-')).map(str::to_owned).collect::<Vec<_>>());
        let tokens = bundle.nodes.values().map(|node| node.token.secret.expose().to_owned());
        lines.chain(tokens).chain([bundle.certificate_key.expose().to_owned()]).collect()
    }

    #[test]
    fn what_is_written_is_read_and_written_again_the_same() {
        let bundle = issued();
        let text = encode(&bundle);
        let again = decode(&text).expect("own text");
        assert_eq!(again, bundle);
        assert_eq!(*encode(&again), *text);
        assert!(names_itself(text.as_bytes()) && !names_itself(b"apiVersion: kubespore/v1\ncluster: x\n"));
    }

    #[test]
    fn keys_stand_in_it_as_pem_lines() {
        let bundle = bundle();
        let text = encode(&bundle);
        for line in bundle.ca.certificate.lines().chain(bundle.service_account.key.expose().lines()) {
            assert!(text.contains(&format!("\n    {line}\n")), "{line}");
        }
        assert!(
            text.starts_with("# ")
                && text.contains("\nminted: \"2026-11-23T12:34:56Z\"\nfound-until: \"2026-12-23T12:34:56Z\"\n")
        );
    }

    #[test]
    fn reading_is_strict() {
        let text = encode(&bundle());
        let with = |more: &str| refused(&format!("{}{more}", text.as_str()));
        let lines = text.lines().count();
        assert_eq!(
            with("extra: 1\n"),
            format!("line {}: `extra` is not known in the bundle; a newer kubespore may have written it", lines + 1)
        );
        assert_eq!(with("cluster: \"x\"\n"), format!("line {}: `cluster` stands twice in the bundle", lines + 1));
        assert!(with("  cp-1:\n    token: \"x\"\n").ends_with("`cp-1` stands twice in nodes"), "{}", with("  cp-1: {}\n"));
        assert!(with("  new:\n    tokens: \"x\"\n").contains("`tokens` is not known in nodes.new"));
        assert_eq!(with("  new: {}\n"), "`token` is missing in nodes.new");
        assert_eq!(with("  new:\n    token: \"abc\"\n"), "`nodes.new.token` has no `.`");
        assert_eq!(with("  new: 3\n"), format!("line {}: nodes.new is not a mapping", lines + 1));
        let replaced = |from: &str, to: &str| refused(&text.replacen(from, to, 1));
        assert_eq!(replaced("secrets/v1", "secrets/v2"), "its apiVersion is `v2`, and this program knows `kubespore.secrets/v1`");
        assert_eq!(
            replaced("kubespore.secrets/v1", "v1"),
            "its apiVersion is another, and this program knows `kubespore.secrets/v1`"
        );
        assert_eq!(replaced("generation: 1", "generation: x"), "`generation` is not a number");
        assert_eq!(replaced("generation: 1", "generation: -1"), "`generation` is not a number");
        assert_eq!(replaced("2026-11-23T", "2026-11-23 at "), "`minted` is not an instant such as 2026-01-31T12:00:00Z");
        assert_eq!(replaced("certificate-key: ", "certificate-key: null # "), "`certificate-key` is not a text in the bundle");
        assert!(replaced("etcd-ca:", "etcd:").contains(": `etcd` is not known in the bundle"));
        assert_eq!(replaced("generation: 1\n", ""), "`generation` is missing in the bundle");
        assert!(refused("").contains("the bundle is not a mapping"));
        assert!(refused("- 1\n").contains("the bundle is not a mapping"));
        assert!(refused("a: [\n").ends_with("it is not YAML there"));
    }

    #[test]
    fn a_damaged_file_gives_no_secret_away() {
        let bundle = bundle();
        let secrets = secrets(&bundle);
        assert!(secrets.len() > 10);
        let text = encode(&bundle);
        let mut refusals = 0;
        for (at, _) in text.match_indices([' ', '\n', '"', ':', '|']).step_by(3) {
            for put in ["", "\t", "\"", ": "] {
                let damaged = format!("{}{put}{}", &text[..at], &text[at + 1..]);
                let Err(fault) = decode(&damaged) else { continue };
                refusals += 1;
                let fault = redact(&fault);
                assert!(!secrets.iter().any(|secret| fault.contains(secret.as_str())), "{fault}");
            }
        }
        assert!(refusals > 200, "{refusals} of the damages are refused");
    }

    #[test]
    fn nothing_is_left_of_a_wiped_document() {
        let mut values = Yaml::map([("a", Yaml::Seq(vec![Yaml::str("s"), Yaml::Literal("t".into())]))]);
        wipe_values(&mut values);
        assert_eq!(values, Yaml::map([("a", Yaml::Seq(vec![Yaml::str(""), Yaml::Literal(String::new())]))]));
        let mut nodes = yaml::parse("a: [s, {b: t}]\n").expect("YAML");
        wipe_nodes(&mut nodes);
        assert_eq!(yaml::to_json(&nodes), serde_json::json!({"a": ["", {"b": ""}]}));
    }
}
