//! The bundle's text: YAML with every value quoted or a literal block.
//!
//! In: a bundle, whole or awaiting its authorities, or a text. Out: the other. Absent on purpose: quoting the text in a message, since any line
//! may be a secret; and files (`store`).

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::{Zeroize, Zeroizing};

use super::awaiting::Awaiting;
use super::bundle::{Bundle, CertifiedKey, EncryptionKey, NodeSecrets, ServiceAccount, Token, instant};
use super::leaf::Leaf;
use super::rotation::CaRotation;
use super::seal::Recipient;
use crate::secret::Secret;
use crate::yaml::{self, Kind, Node, Yaml};

const API_VERSION: &str = "kubespore.secrets/v1";
const AWAITING: &str = "awaiting";
const RECIPIENTS: &str = "recipients";
const CA_ROTATION: &str = "ca-rotation";
const ENCRYPTION_KEY: &str = "encryption-key";
const HEAD: &str = "\
# Secrets of one cluster: its identity. Keep this file secret, and keep a copy: without it no machine can be added,
# and a newly minted one makes another cluster. `kubespore render` adds to it, and issues anew only the certificates
# whose names or addresses the profile has changed.
";

/// Tells whether a text begins as a bundle does.
pub fn names_itself(start: &[u8]) -> bool {
    let line = |line: &[u8]| line.starts_with(b"apiVersion:") && line.windows(18).any(|part| part == b"kubespore.secrets/");
    start.split(|byte| *byte == b'\n').any(line)
}

/// A bundle in either state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// With everything a cluster needs.
    Whole(Box<Bundle>),
    /// With keys whose certificates are being signed elsewhere.
    Awaiting(Awaiting),
}

/// What has a text in a bundle's file.
pub trait Text {
    /// Writes it, with those it is to be encrypted to.
    fn text(&self, recipients: &[Recipient]) -> Zeroizing<String>;
}

impl Text for Document {
    fn text(&self, recipients: &[Recipient]) -> Zeroizing<String> {
        match self {
            Self::Whole(bundle) => bundle.text(recipients),
            Self::Awaiting(awaiting) => awaiting.text(recipients),
        }
    }
}

impl Text for Bundle {
    fn text(&self, recipients: &[Recipient]) -> Zeroizing<String> {
        encode(self, recipients)
    }
}

impl Text for Awaiting {
    fn text(&self, recipients: &[Recipient]) -> Zeroizing<String> {
        let pem = |key: &Secret| Yaml::map([("key", Yaml::Literal(key.expose().to_owned()))]);
        let mut pairs = vec![
            ("apiVersion".to_owned(), Yaml::str(API_VERSION)),
            ("state".to_owned(), Yaml::str(AWAITING)),
            ("cluster".to_owned(), Yaml::str(&self.cluster)),
            ("requested".to_owned(), Yaml::str(instant(self.requested))),
        ];
        pairs.extend(list(recipients));
        pairs.extend(self.keys().map(|(name, key)| (name.to_owned(), pem(key))));
        finish(Yaml::Map(pairs))
    }
}

/// The entry that says to whom a file is encrypted: the encryption itself does not tell, and whoever saves it must know.
fn list(recipients: &[Recipient]) -> Option<(String, Yaml)> {
    let items = || recipients.iter().map(|recipient| Yaml::Str(recipient.to_string())).collect();
    (!recipients.is_empty()).then(|| (RECIPIENTS.to_owned(), Yaml::Seq(items())))
}

fn finish(mut document: Yaml) -> Zeroizing<String> {
    let body = Zeroizing::new(yaml::to_string(&document));
    wipe_values(&mut document);
    Zeroizing::new([HEAD, &body].concat())
}

fn encode(bundle: &Bundle, recipients: &[Recipient]) -> Zeroizing<String> {
    let text = |text: &str| Yaml::str(text);
    let pem = |text: &str| Yaml::Literal(text.to_owned());
    let pair = |pair: &CertifiedKey| Yaml::map([("certificate", pem(&pair.certificate)), ("key", pem(pair.key.expose()))]);
    let node = |node: &NodeSecrets| {
        let token = ("token".to_owned(), text(node.token.whole().expose()));
        let since = node.token_since.map(|since| ("token-since".to_owned(), text(&instant(since))));
        let range = node.pod_range.map(|range| ("pod-range".to_owned(), text(&range.to_string())));
        let leaves = node.leaves.iter().map(|(leaf, issued)| (leaf.as_str().to_owned(), pair(issued)));
        Yaml::Map(std::iter::once(token).chain(since).chain(range).chain(leaves).collect())
    };
    let account = &bundle.service_account;
    let mut pairs = vec![
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
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect::<Vec<_>>();
    pairs.extend(bundle.ca_rotation.as_ref().map(|rotation| {
        let round = ("round", Yaml::Int(rotation.round().into()));
        let fields = match rotation {
            CaRotation::Trust(next) => Yaml::map([round, ("next", pair(next))]),
            CaRotation::Sign(former) => Yaml::map([round, ("former", pem(former))]),
            CaRotation::Forget => Yaml::map([round]),
        };
        (CA_ROTATION.to_owned(), fields)
    }));
    pairs.extend(bundle.encryption_key.as_ref().map(|key| {
        let pairs = [("name", text(&key.name)), ("secret", text(key.secret.expose()))];
        (ENCRYPTION_KEY.to_owned(), Yaml::map(pairs))
    }));
    pairs.extend(list(recipients));
    let nodes = bundle.nodes.iter().map(|(name, secrets)| (name.clone(), node(secrets)));
    pairs.push(("nodes".to_owned(), Yaml::Map(nodes.collect())));
    finish(Yaml::Map(pairs))
}

/// Reads a bundle, and to whom its file is encrypted.
///
/// # Errors
/// The first thing that is wrong, by the name of its field and the number of its line.
pub fn decode(text: &str) -> Result<(Document, Vec<Recipient>), String> {
    let mut document = yaml::parse(text).map_err(|(_, at)| format!("line {}: it is not YAML there", line(text, at.start)))?;
    let read = read(&document, text);
    wipe_nodes(&mut document);
    read
}

fn read(document: &Node, text: &str) -> Result<(Document, Vec<Recipient>), String> {
    let top = Fields::of(document, text, "the bundle")?;
    let api = top.text("apiVersion")?;
    if api != API_VERSION {
        let version = api.strip_prefix("kubespore.secrets/").map_or_else(|| "another".to_owned(), shown);
        return Err(format!("its apiVersion is {version}, and this program knows `{API_VERSION}`"));
    }
    let recipients = match document.get(RECIPIENTS) {
        None => vec![],
        Some(_) => top.list(RECIPIENTS)?.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
    };
    let contents = match document.get("state") {
        None => Document::Whole(Box::new(whole(&top, text)?)),
        Some(_) if top.text("state")? == AWAITING => Document::Awaiting(awaiting(&top)?),
        Some(_) => return Err("`state` is none that this program knows".to_owned()),
    };
    Ok((contents, recipients))
}

fn ca_rotation(fields: &Fields<'_>) -> Result<CaRotation, String> {
    let round = fields.text("round")?;
    let rest: &[&str] = match round.as_str() {
        "1" => &["round", "next"],
        "2" => &["round", "former"],
        "3" => &["round"],
        _ => return Err(format!("`round` is none of 1, 2 and 3 in {}", fields.name)),
    };
    fields.only(rest)?;
    Ok(match round.as_str() {
        "1" => CaRotation::Trust(certified(&fields.fields("next")?)?),
        "2" => CaRotation::Sign(fields.text("former")?),
        _ => CaRotation::Forget,
    })
}

fn certified(fields: &Fields<'_>) -> Result<CertifiedKey, String> {
    fields.only(&["certificate", "key"])?;
    Ok(CertifiedKey { certificate: fields.text("certificate")?, key: Secret::new(fields.text("key")?) })
}

fn awaiting(top: &Fields<'_>) -> Result<Awaiting, String> {
    let key = |name: &str| -> Result<Secret, String> {
        let fields = top.fields(name)?;
        fields.only(&["key"])?;
        fields.text("key").map(Secret::new)
    };
    top.only(&["apiVersion", "state", "cluster", "requested", RECIPIENTS, "ca", "front-proxy-ca", "etcd-ca"])?;
    Ok(Awaiting {
        cluster: top.text("cluster")?,
        requested: top.instant("requested")?,
        ca: key("ca")?,
        front_proxy_ca: key("front-proxy-ca")?,
        etcd_ca: key("etcd-ca")?,
    })
}

fn whole(top: &Fields<'_>, text: &str) -> Result<Bundle, String> {
    let pair = |name: &str| certified(&top.fields(name)?);
    let encryption_key = match top.node.get(ENCRYPTION_KEY) {
        None => None,
        Some(_) => {
            let fields = top.fields(ENCRYPTION_KEY)?;
            fields.only(&["name", "secret"])?;
            Some(EncryptionKey { name: fields.text("name")?, secret: Secret::new(fields.text("secret")?) })
        }
    };
    let account = top.fields("service-account")?;
    account.only(&["public", "key"])?;
    let mut nodes = BTreeMap::new();
    for (name, node) in top.fields("nodes")?.entries()? {
        let fields = Fields::of(node, text, &format!("nodes.{name}"))?;
        let mut known = vec!["token", "token-since", "pod-range"];
        known.extend(Leaf::ALL.map(Leaf::as_str));
        fields.only(&known)?;
        let mut leaves = BTreeMap::new();
        for (key, _) in fields.entries()? {
            if let Ok(leaf) = key.parse::<Leaf>() {
                leaves.insert(leaf, certified(&fields.fields(key)?)?);
            }
        }
        let token = Zeroizing::new(fields.text("token")?);
        let (id, secret) = token.split_once('.').ok_or_else(|| format!("`nodes.{name}.token` has no `.`"))?;
        let token = Token { id: id.to_owned(), secret: Secret::new(secret) };
        let token_since = node.get("token-since").map(|_| fields.instant("token-since")).transpose()?;
        let pod_range = node.get("pod-range").map(|_| fields.text("pod-range")).transpose()?;
        let pod_range = pod_range.map(|text| text.parse()).transpose();
        let pod_range = pod_range.map_err(|_| format!("`nodes.{name}.pod-range` is not a number"))?;
        nodes.insert(name.to_owned(), NodeSecrets { token, token_since, pod_range, leaves });
    }
    let ca_rotation = top.node.get(CA_ROTATION).map(|_| ca_rotation(&top.fields(CA_ROTATION)?)).transpose()?;
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
        ENCRYPTION_KEY,
        "admin",
        CA_ROTATION,
        RECIPIENTS,
        "nodes",
    ])?;
    Ok(Bundle {
        cluster: top.text("cluster")?,
        cluster_id: top.text("cluster-id")?,
        generation: top.text("generation")?.parse().map_err(|_| "`generation` is not a number")?,
        minted: top.instant("minted")?,
        found_until: top.instant("found-until")?,
        ca: pair("ca")?,
        ca_rotation,
        front_proxy_ca: pair("front-proxy-ca")?,
        etcd_ca: pair("etcd-ca")?,
        service_account: ServiceAccount { public: account.text("public")?, key: Secret::new(account.text("key")?) },
        certificate_key: Secret::new(top.text("certificate-key")?),
        encryption_key,
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

    fn list(&self, key: &str) -> Result<Vec<String>, String> {
        let texts = |items: &[Node]| {
            let text = |item: &Node| if let Kind::Scalar(scalar) = &item.kind { Some(scalar.text.clone()) } else { None };
            items.iter().map(text).collect::<Option<Vec<_>>>()
        };
        let found = if let Kind::Seq(items) = &self.get(key)?.kind { texts(items) } else { None };
        found.ok_or_else(|| format!("`{key}` is not a list of texts in {}", self.name))
    }

    fn instant(&self, key: &str) -> Result<OffsetDateTime, String> {
        OffsetDateTime::parse(&self.text(key)?, &Rfc3339)
            .map_err(|_| format!("`{key}` is not an instant such as 2026-01-31T12:00:00Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::spec::KeyAlgorithm;
    use crate::redact::redact;
    use crate::secrets::sample::{NOW, bundle, issued};

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
        let text = bundle.text(&[]);
        let (again, recipients) = decode(&text).expect("own text");
        assert_eq!((&again, recipients.len()), (&Document::Whole(Box::new(bundle)), 0));
        assert_eq!(*again.text(&[]), *text);
        assert!(names_itself(text.as_bytes()) && !names_itself(b"apiVersion: kubespore/v1\ncluster: x\n"));
    }

    #[test]
    fn a_bundle_that_awaits_its_authorities_and_recipients_are_read_again() {
        let to = ["age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj".parse().expect("a recipient")];
        let awaiting = Document::Awaiting(Awaiting::new("lab", KeyAlgorithm::EcdsaP256, NOW).expect("entropy"));
        for document in [awaiting, Document::Whole(Box::new(bundle()))] {
            let text = document.text(&to);
            assert_eq!(decode(&text), Ok((document, to.to_vec())));
            let fault = refused(&text.replacen("age1", "AGE-SECRET-KEY-1", 1));
            assert!(fault.contains("identity") && !fault.contains("zvkyg"), "{fault}");
            assert!(refused(&text.replacen("recipients:", "recipients: [{}]\nx:", 1)).starts_with("`recipients` is not a list"));
        }
        let awaiting = "apiVersion: kubespore.secrets/v1\nstate: dreaming\n";
        assert_eq!(refused(awaiting), "`state` is none that this program knows");
    }

    #[test]
    fn keys_stand_in_it_as_pem_lines() {
        let bundle = bundle();
        let text = bundle.text(&[]);
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
        let text = bundle().text(&[]);
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
        let text = bundle.text(&[]);
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
