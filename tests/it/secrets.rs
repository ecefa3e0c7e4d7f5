//! `kubespore secrets` from outside: what each verb changes in the bundle, what it leaves, and what it says.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Ran, Scratch, kubespore};

/// A directory with a profile of one load balancer, three control planes and two workers, and perhaps its bundle.
struct Lab {
    scratch: Scratch,
    profile: PathBuf,
}

impl Lab {
    fn new() -> Self {
        let scratch = Scratch::new();
        let text = fs::read_to_string("profiles/ha-stacked.yaml").expect("the profile");
        let profile = scratch.write("lab.yaml", text);
        Self { scratch, profile }
    }

    fn minted() -> Self {
        let lab = Self::new();
        lab.secrets(&["new"], &[]).code(0);
        lab
    }

    /// `kubespore secrets VERB… PROFILE MORE…`
    fn secrets(&self, verb: &[&str], more: &[&str]) -> Ran {
        let words = ["secrets"].iter().chain(verb).map(OsStr::new);
        kubespore(words.chain([self.profile.as_os_str()]).chain(more.iter().map(OsStr::new)))
    }

    fn text(&self) -> String {
        fs::read_to_string(self.scratch.path("lab.secrets.yaml")).expect("the bundle")
    }

    fn shown(&self) -> Value {
        serde_json::from_str(&self.secrets(&["show"], &["-o", "json"]).code(0).stdout()).expect("JSON")
    }

    /// Replaces a part of the profile.
    fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.profile).expect("the profile");
        assert!(text.contains(from), "the profile has {from:?}");
        fs::write(&self.profile, text.replace(from, to)).expect("own file");
    }
}

/// The lines that only one of two texts has: those that went, those that came.
fn difference(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let only =
        |these: &str, those: &str| these.lines().filter(|line| !those.lines().any(|l| l == *line)).map(str::to_owned).collect();
    (only(before, after), only(after, before))
}

#[test]
fn minting_is_said_and_done_once() {
    let lab = Lab::new();
    let said = lab.secrets(&["new"], &[]).code(0);
    assert_eq!(said.stdout(), "");
    for part in ["minted ", "lab.secrets.yaml", "the cluster's keys", "one year, until ", "found the cluster until "] {
        assert!(said.stderr().contains(part), "{part}: {}", said.stderr());
    }
    let before = lab.text();
    let again = lab.secrets(&["new"], &[]).code(1).stderr();
    assert!(again.contains("there is such a file already"), "{again}");
    assert_eq!(lab.text(), before);
}

#[test]
fn a_bundle_is_shown_by_its_own_name_or_its_profile_s() {
    let lab = Lab::minted();
    let by_profile = lab.secrets(&["show"], &[]).code(0).stdout();
    let file = lab.scratch.path("lab.secrets.yaml");
    let by_name = kubespore(["secrets".as_ref(), "show".as_ref(), file.as_os_str()]).code(0).stdout();
    assert_eq!(by_profile, by_name);
    let shown = lab.shown();
    assert_eq!(shown["cluster"], "ha-stacked");
    assert_eq!(
        shown["nodes"].as_object().expect("nodes").keys().collect::<Vec<_>>(),
        ["cp-1", "cp-2", "cp-3", "worker-1", "worker-2"]
    );
    for name in ["ca", "front-proxy-ca", "etcd-ca", "admin"] {
        assert_eq!(shown["certificates"][name]["key"], "ECDSA-P256", "{name}");
    }
    for (name, node) in shown["nodes"].as_object().expect("nodes") {
        let id = node["tokenId"].as_str().expect("an id");
        assert!(id.len() == 6 && by_name.contains(id) && by_name.contains(name.as_str()));
    }
    let nothing = Lab::new().secrets(&["show"], &[]).code(1).stderr();
    assert!(nothing.contains("there is no such bundle"), "{nothing}");
}

#[test]
fn rotating_changes_what_was_named_and_says_what_follows() {
    let lab = Lab::minted();
    let mut before = lab.text();
    let mut after = |verb: &[&str], more: &[&str]| {
        let said = lab.secrets(verb, more).code(0);
        assert_eq!(said.stdout(), "", "{verb:?}");
        let now = lab.text();
        let changed = difference(&before, &now);
        before = now;
        (changed.0, changed.1, said.stderr())
    };
    // Beside each new token stands since when it is there.
    let tokens = |lines: &[String]| lines.iter().filter(|line| line.trim().starts_with("token: ")).count();
    let others = |lines: &[String]| lines.iter().filter(|line| !line.trim().starts_with("token")).count();
    let (went, came, said) = after(&["rotate", "node"], &["worker-1"]);
    assert_eq!((tokens(&went), tokens(&came), others(&went), others(&came)), (1, 1, 0, 0), "one token");
    assert!(came.iter().any(|line| line.trim().starts_with("token-since: ")), "{came:?}");
    let old = went[0].trim().trim_start_matches("token: \"").split('.').next().expect("an id").to_owned();
    assert!(said.contains("give cp-1, worker-1 their new seeds") && said.contains(&format!("bootstrap-token-{old}")), "{said}");

    let (went, came, said) = after(&["rotate", "token"], &[]);
    assert_eq!((tokens(&went), tokens(&came), others(&went), others(&came)), (5, 5, 0, 0), "every token");
    assert!(said.contains("give cp-1, cp-2, cp-3, worker-1, worker-2 their new seeds"), "{said}");

    let (went, came, said) = after(&["rotate", "certificate-key"], &[]);
    assert!(went.len() == 1 && came.len() == 1 && came[0].starts_with("certificate-key: "));
    assert!(said.contains("nothing has to be rendered"), "{said}");

    let authority = lab.shown()["certificates"]["ca"].clone();
    let (went, came, said) = after(&["rotate", "admin"], &[]);
    assert!(!went.is_empty() && !came.is_empty() && said.contains("admin.kubeconfig"), "{said}");
    assert_eq!(lab.shown()["certificates"]["ca"], authority);

    let (went, came, said) = after(&["found-until"], &["--within", "1h"]);
    assert!(went.len() == 1 && came.len() == 1 && came[0].starts_with("found-until: "));
    assert!(said.contains("before, until ") && said.contains("render again"), "{said}");

    let unknown = lab.secrets(&["rotate", "node"], &["worker-9"]).code(1).stderr();
    assert!(unknown.contains("`worker-9`") && unknown.contains("worker-2"), "{unknown}");
    assert_eq!(lab.text(), before);
}

#[test]
fn a_certificate_key_that_machines_hold_wants_new_seeds() {
    let lab = Lab::minted();
    lab.edit("distribution: embedded", "distribution: certificate-key");
    let said = lab.secrets(&["rotate", "certificate-key"], &[]).code(0).stderr();
    assert!(said.contains("give cp-1, cp-2, cp-3 their new seeds"), "{said}");
}

#[test]
fn a_token_s_manifest_is_the_token_of_that_node() {
    let lab = Lab::minted();
    let manifest = lab.secrets(&["bootstrap-token"], &["worker-1", "--ttl", "2h"]).code(0).stdout();
    let id = lab.shown()["nodes"]["worker-1"]["tokenId"].as_str().expect("an id").to_owned();
    assert!(manifest.contains(&format!("name: \"bootstrap-token-{id}\"\n")) && manifest.contains("expiration: "), "{manifest}");
    let secret =
        manifest.lines().find_map(|line| line.trim().strip_prefix("token-secret: \"")?.strip_suffix('"')).expect("a secret");
    assert!(lab.text().contains(&format!("token: \"{id}.{secret}\"\n")));
    assert!(!lab.secrets(&["bootstrap-token"], &["worker-1", "--ttl", "0"]).code(0).stdout().contains("expiration"));
    assert!(lab.secrets(&["bootstrap-token"], &["lb-1"]).code(1).stderr().contains("`lb-1`"));
    lab.secrets(&["bootstrap-token"], &["worker-1", "--ttl", "1d"]).code(2);
}

#[test]
fn what_exists_is_imported_where_no_bundle_is() {
    let (old, new) = (Lab::minted(), Lab::new());
    let bundle = kubespore::secrets::load(&old.scratch.path("lab.secrets.yaml")).expect("sound").expect("there");
    let put = |name: &str, text: &str| new.scratch.write(&format!("pki/{name}"), text);
    for (name, pair) in [("ca", &bundle.ca), ("front-proxy-ca", &bundle.front_proxy_ca), ("etcd/ca", &bundle.etcd_ca)] {
        put(&format!("{name}.crt"), &pair.certificate);
        put(&format!("{name}.key"), pair.key.expose());
    }
    put("sa.pub", &bundle.service_account.public);
    put("sa.key", bundle.service_account.key.expose());
    let pki = new.scratch.path("pki");
    let import = || kubespore(["secrets".as_ref(), "import".as_ref(), pki.as_os_str(), new.profile.as_os_str()]);
    let said = import().code(0).stderr();
    assert!(said.contains("taken over, not minted: ca, front-proxy-ca, etcd/ca, sa"), "{said}");
    assert_eq!(new.shown()["discoveryHash"], old.shown()["discoveryHash"]);
    assert_ne!(new.shown()["id"], old.shown()["id"]);
    assert!(import().code(1).stderr().contains("there is such a file already"));

    fs::remove_file(new.scratch.path("lab.secrets.yaml")).expect("own file");
    put("etcd/ca.key", bundle.ca.key.expose());
    let said = import().code(1).stderr();
    assert!(said.contains("etcd/ca: the certificate and the key do not belong together"), "{said}");
    assert!(!new.scratch.path("lab.secrets.yaml").exists());
}

#[test]
fn a_bundle_that_the_release_cannot_read_is_refused_by_name() {
    let lab = Lab::minted();
    let version = fs::read_to_string(&lab.profile).expect("the profile");
    let line = version.lines().find(|line| line.starts_with("kubernetesVersion: ")).expect("a version");
    lab.edit(line, "kubernetesVersion: 1.20.2");
    let said = lab.secrets(&["rotate", "admin"], &[]).code(1).stderr();
    assert!(said.contains("`service-account` is an ECDSA-P256 key, and kubeadm 1.20 reads RSA there"), "{said}");
    lab.edit("1.20.2", "1.28.0");
    let said = lab.secrets(&["found-until"], &["--within", "1h"]).code(0).stderr();
    assert!(said.contains("without rights in Kubernetes 1.28.0") && said.contains("secrets rotate admin"), "{said}");
    lab.secrets(&["rotate", "admin"], &[]).code(0);
    let said = lab.secrets(&["found-until"], &["--within", "1h"]).code(0).stderr();
    assert!(!said.contains("without rights"), "{said}");
}

#[test]
fn standard_input_has_no_bundle_beside_it() {
    let said = kubespore(["secrets", "show", "-"]).code(1).stderr();
    assert!(said.contains("--secrets FILE"), "{said}");
}
